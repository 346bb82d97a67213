"""Tables bound to methods."""

from enum import IntEnum

import pytest

from gateway.wire.transitions import bind


class Light(IntEnum):
    RED = 0
    GREEN = 1


class Event(IntEnum):
    SWITCHED = 0
    BROKEN = 1


class Lamp:
    def ring(self) -> str:
        return "ring"


TABLE = {
    Light.RED: {Event.SWITCHED: (Light.GREEN, "ring")},
    Light.GREEN: {Event.SWITCHED: (Light.RED, "")},
}


@pytest.mark.parametrize(
    ("state", "event", "expected"),
    [
        pytest.param(Light.RED, Event.SWITCHED, (Light.GREEN, Lamp.ring), id="a state and an action"),
        pytest.param(Light.GREEN, Event.SWITCHED, (Light.RED, None), id="a state without an action"),
        pytest.param(
            Light.RED, Event.BROKEN, (Light.RED, None), id="an event that is not listed changes nothing"
        ),
    ],
)
def test_a_transition_is_two_look_ups(state, event, expected):
    assert expected == bind(TABLE, Event, Lamp)[state][event]


def test_an_action_that_nobody_has_is_no_table():
    table = {Light.RED: {Event.SWITCHED: (Light.GREEN, "sing")}, Light.GREEN: {}}
    with pytest.raises(AttributeError, match="sing"):
        bind(table, Event, Lamp)
