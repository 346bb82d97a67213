"""State tables bound to the methods they name, so that taking a transition is two look-ups and a call."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import TypeVar

S = TypeVar("S", bound=IntEnum)
E = TypeVar("E", bound=IntEnum)
T = TypeVar("T")

Table = Mapping[S, Mapping[E, tuple[S, str]]]
# Plain numbers: a member of an IntEnum as an index costs the interpreter three times as much.
Bound = list[list[tuple[int, Callable[[T], None] | None]]]


def bind(table: Table[S, E], events: type[E], owner: type[T]) -> Bound[T]:
    """`bound[state][event]`: the next state and what `owner` does; nothing where the table is silent."""
    return [[_bound(table[state].get(event, (state, "")), owner) for event in events] for state in table]


def _bound(row: tuple[S, str], owner: type[T]) -> tuple[int, Callable[[T], None] | None]:
    state, action = row
    return int(state), getattr(owner, action) if action else None
