"""The table of a connection to an endpoint."""

import pytest

from gateway.wire.upstream import Connection
from gateway.wire.upstream_states import TRANSITIONS, Event, State


def test_every_action_is_one_of_the_connection():
    actions = {action for row in TRANSITIONS.values() for _, action in row.values() if action}
    assert actions
    assert [] == [action for action in actions if not callable(getattr(Connection, action, None))]


def test_every_state_can_be_reached():
    reached = {State.IDLE}
    while more := {state for one in reached for state, _ in TRANSITIONS[one].values()} - reached:
        reached |= more
    assert set(State) == reached == set(TRANSITIONS)


def test_nothing_leads_out_of_death():
    assert {State.DEAD} == {state for state, _ in TRANSITIONS[State.DEAD].values()}


@pytest.mark.parametrize("state", State)
def test_every_state_knows_its_ends(state):
    assert {Event.RELEASED, Event.EOF, Event.LOST} <= set(TRANSITIONS[state])
    assert {State.DEAD} == {TRANSITIONS[state][event][0] for event in (Event.RELEASED, Event.EOF, Event.LOST)}


@pytest.mark.parametrize("state", [State.COUNTED, State.CHUNKED, State.UNTIL_EOF, State.TUNNEL])
def test_a_connection_is_never_asked_while_it_answers(state):
    assert Event.ASKED not in TRANSITIONS[state]


def test_only_a_whole_response_brings_a_connection_back():
    back = {event for row in TRANSITIONS.values() for event, (state, _) in row.items() if state == State.IDLE}
    assert {Event.ANSWERED} == back
