"""What can happen to a client's connection, as a table: state x event -> state, action.

The actions are methods of `Downstream`. An event that a state does not list cannot happen in it.
"""

from enum import IntEnum


class State(IntEnum):
    """Where a client's connection stands."""

    HEAD = 0  # between requests, or a head is arriving
    BODY = 1  # the request's body is arriving, no answer yet
    WAIT = 2  # the request is complete, no answer yet
    EARLY = 3  # the answer has begun while the body is still arriving
    ANSWER = 4  # the request is complete, the answer is being written
    TUNNEL = 5  # switched to another protocol: bytes pass unread
    LINGER = 6  # answered before the body ended: the rest is thrown away
    DEAD = 7  # closed by us; what was written is still being sent


class Event(IntEnum):
    """What happens to a client's connection."""

    REQUEST = 0  # a head without a body is complete
    UPLOAD = 1  # a head is complete, its body follows
    UPLOADED = 2  # the body is complete
    ANSWERING = 3  # the answer's head was written, more follows
    ANSWERED = 4  # the answer is complete, the connection stays
    CLOSING = 5  # the answer is complete, the connection ends with it
    SWITCHED = 6  # the backend agreed to another protocol
    ABORTED = 7  # the proxy gives up in the middle of an answer
    EOF = 8  # the client will send no more
    EXPIRED = 9  # the deadline has passed
    LOST = 10  # the connection is gone


S, E = State, Event

# state -> event -> (next state, what is done). An event that a state does not list cannot happen in it.
TRANSITIONS: dict[State, dict[Event, tuple[State, str]]] = {
    S.HEAD: {
        E.REQUEST: (S.WAIT, ""),
        E.UPLOAD: (S.BODY, ""),
        E.EOF: (S.DEAD, "close"),
        E.EXPIRED: (S.HEAD, "give_up_head"),
        E.CLOSING: (S.DEAD, "close"),
        E.LOST: (S.DEAD, ""),
    },
    S.BODY: {
        E.UPLOADED: (S.WAIT, "stop_reading_body"),
        E.ANSWERING: (S.EARLY, ""),
        E.ANSWERED: (S.LINGER, "linger"),
        E.CLOSING: (S.LINGER, "linger"),
        E.ABORTED: (S.DEAD, "cut"),
        E.EOF: (S.DEAD, "give_up"),
        E.EXPIRED: (S.BODY, "give_up_body"),
        E.LOST: (S.DEAD, "give_up"),
    },
    S.WAIT: {
        E.ANSWERING: (S.ANSWER, ""),
        E.ANSWERED: (S.HEAD, "begin_again"),
        E.CLOSING: (S.DEAD, "close"),
        E.SWITCHED: (S.TUNNEL, "open_tunnel"),
        E.ABORTED: (S.DEAD, "cut"),
        E.EOF: (S.WAIT, "close_after"),
        E.EXPIRED: (S.WAIT, "tell_expired"),
        E.LOST: (S.DEAD, "give_up"),
    },
    S.EARLY: {
        E.UPLOADED: (S.ANSWER, "stop_reading_body"),
        E.ANSWERED: (S.LINGER, "linger"),
        E.CLOSING: (S.LINGER, "linger"),
        E.ABORTED: (S.DEAD, "cut"),
        E.EOF: (S.DEAD, "give_up"),
        E.EXPIRED: (S.DEAD, "give_up"),
        E.LOST: (S.DEAD, "give_up"),
    },
    S.ANSWER: {
        E.ANSWERED: (S.HEAD, "begin_again"),
        E.CLOSING: (S.DEAD, "close"),
        E.ABORTED: (S.DEAD, "cut"),
        E.EOF: (S.ANSWER, "close_after"),
        E.EXPIRED: (S.DEAD, "give_up"),
        E.LOST: (S.DEAD, "give_up"),
    },
    S.TUNNEL: {
        E.CLOSING: (S.DEAD, "close"),
        E.ABORTED: (S.DEAD, "cut"),
        E.EOF: (S.TUNNEL, "tell_end"),
        E.EXPIRED: (S.DEAD, "give_up"),
        E.LOST: (S.DEAD, "give_up"),
    },
    S.LINGER: {
        E.EOF: (S.DEAD, "close"),
        E.EXPIRED: (S.DEAD, "close"),
        E.LOST: (S.DEAD, ""),
    },
    S.DEAD: {
        E.EOF: (S.DEAD, ""),
        E.EXPIRED: (S.DEAD, "cut"),
        E.LOST: (S.DEAD, ""),
    },
}
