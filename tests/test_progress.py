"""What a terminal is told while a verb works, and that nobody else is told anything."""

import io
import sys
from itertools import count

import pytest

from gateway.progress import counted


class Terminal(io.StringIO):
    """What was written to a terminal."""

    def isatty(self) -> bool:
        return True


def ticking(seconds):
    """A clock that goes on so much at each look."""
    return (tick * seconds for tick in count()).__next__


def test_who_waits_is_told_soon_and_nothing_is_left():
    terminal = Terminal()
    assert [*range(5)] == [*counted(range(5), 5, "routes", to=terminal, clock=ticking(0.2))]
    erased = "\r\x1b[K"
    assert "".join([*(f"{erased}{done} of 5 routes" for done in (2, 3, 4)), erased]) == terminal.getvalue()


def test_it_is_told_ten_times_a_second_at_most():
    terminal = Terminal()
    list(counted(range(30_000), 30_000, "routes", to=terminal, clock=ticking(0.0001)))
    assert 25 == terminal.getvalue().count("routes")


@pytest.mark.parametrize(
    ("stream", "seconds"),
    [pytest.param(Terminal(), 0.001, id="soon over"), pytest.param(io.StringIO(), 1.0, id="no terminal")],
)
def test_nothing_is_written(stream, seconds):
    assert [0, 1, 2] == [*counted(range(3), 3, "routes", to=stream, clock=ticking(seconds))]
    assert "" == stream.getvalue()


def test_what_is_given_up_leaves_nothing():
    terminal = Terminal()
    going = iter(counted(range(9), 9, "cases", to=terminal, clock=ticking(2.0)))
    next(going)
    going.close()
    assert terminal.getvalue().endswith("\x1b[K")


def test_standard_error_is_meant(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    list(counted(range(2), 2, "routes", clock=ticking(1.0)))
    assert "of 2 routes" in sys.stderr.getvalue()
