"""What can happen to a connection to an endpoint, as a table: state x event -> state, action.

The actions are methods of `Connection`. An event that a state does not list cannot happen in it.
"""

from enum import IntEnum


class State(IntEnum):
    """Where a connection to an endpoint stands."""

    IDLE = 0  # nothing asked: any byte means it cannot be used again
    HEAD = 1  # a request was begun, the response's head is to come
    COUNTED = 2  # a body of known length
    CHUNKED = 3  # a chunked body
    UNTIL_EOF = 4  # a body that ends with the connection
    TUNNEL = 5  # switched to another protocol
    DEAD = 6


class Event(IntEnum):
    """What happens to a connection to an endpoint."""

    ASKED = 0  # a request's head is written
    COUNTING = 1  # a head came, a counted body follows
    CHUNKING = 2  # a head came, a chunked body follows
    STREAMING = 3  # a head came, the body ends with the connection
    SWITCHED = 4  # 101: the bytes that follow pass unread
    ANSWERED = 5  # the response is complete, the connection can serve again
    SPENT = 6  # the response is complete, the connection cannot
    BROKEN = 7  # what came is no response
    RELEASED = 8  # the relay lets go of it
    EOF = 9
    LOST = 10


S, E = State, Event

_ENDING: dict[Event, tuple[State, str]] = {
    E.SPENT: (S.DEAD, "close"),
    E.BROKEN: (S.DEAD, "cut"),
    E.RELEASED: (S.DEAD, "cut"),
    E.EOF: (S.DEAD, "fail"),
    E.LOST: (S.DEAD, "fail"),
}

# state -> event -> (next state, what is done). An event that a state does not list cannot happen in it.
TRANSITIONS: dict[State, dict[Event, tuple[State, str]]] = {
    S.IDLE: {
        E.ASKED: (S.HEAD, ""),
        E.BROKEN: (S.DEAD, "cut"),
        E.RELEASED: (S.DEAD, "cut"),
        E.EOF: (S.DEAD, "cut"),
        E.LOST: (S.DEAD, ""),
    },
    S.HEAD: {
        E.COUNTING: (S.COUNTED, ""),
        E.CHUNKING: (S.CHUNKED, ""),
        E.STREAMING: (S.UNTIL_EOF, ""),
        E.SWITCHED: (S.TUNNEL, ""),
        E.ANSWERED: (S.IDLE, "go_back"),
        **_ENDING,
    },
    S.COUNTED: {E.ANSWERED: (S.IDLE, "go_back"), **_ENDING},
    S.CHUNKED: {E.ANSWERED: (S.IDLE, "go_back"), **_ENDING},
    S.UNTIL_EOF: {
        E.RELEASED: (S.DEAD, "cut"),
        E.EOF: (S.DEAD, "end"),
        E.LOST: (S.DEAD, "fail"),
    },
    S.TUNNEL: {
        E.RELEASED: (S.DEAD, "close"),
        E.EOF: (S.DEAD, "end"),
        E.LOST: (S.DEAD, "fail"),
    },
    S.DEAD: {E.RELEASED: (S.DEAD, ""), E.EOF: (S.DEAD, ""), E.LOST: (S.DEAD, "")},
}
