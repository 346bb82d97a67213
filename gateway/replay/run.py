"""The verb: two configurations and logs in, what is decided differently out."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Final

from gateway.config.load import load
from gateway.diff.run import found
from gateway.rehearsal import RehearsalPorts, Stage
from gateway.replay.lines import lines
from gateway.replay.replay import Replay
from gateway.replay.side import Side
from gateway.replay.tally import Tally
from gateway.replay.text import as_json, text

SAME, DIFFERENT = 0, 1
_PROGRESS_EVERY: Final = 2048
_PATIENCE: Final = 1.0


def replay(said: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print what is decided differently; 1 where anything is, else 0.

    Raises ConfigError for the configurations, ValueError and OSError for what cannot be replayed.
    """
    old, new = (_side(path, said.listener, environ) for path in (said.old, said.new))
    tally = _replayed(Replay(old, new), said.log)
    if not tally.requests:
        others = tally.unread.total()
        raise ValueError(f"expected a request in {', '.join(said.log)}, got {others} other lines")
    groups = tally.differences(said.only)
    tell = as_json if said.format == "json" else text
    print(tell(tally, groups, old.version), end="")
    return DIFFERENT if groups or (said.strict and tally.doubts()) else SAME


def _side(path: Path, listener: int, environ: Mapping[str, str]) -> Side:
    stage = Stage(load(found(path), environ), RehearsalPorts(0.0))
    count = len(stage.snapshot.listeners)
    if not 1 <= listener <= count:
        raise ValueError(f"expected a listener from 1 to {count} of {path}, got {listener}")
    return Side(stage, listener - 1)


def _replayed(replaying: Replay, names: list[str]) -> Tally:
    tell = _progress() if sys.stderr.isatty() else None
    for number, line in enumerate(lines(names), 1):
        replaying.take(line)
        if tell is not None and number % _PROGRESS_EVERY == 0:
            tell(number)
    if tell is not None:
        tell(0)
    return replaying.tally


def _progress() -> Callable[[int], None]:
    """Tells how far it is, on one line that is wiped at the end: 0."""
    begun = told = monotonic()

    def tell(number: int) -> None:
        nonlocal told
        now = monotonic()
        if not number:
            print("\r\x1b[K" if told > begun else "", end="", file=sys.stderr, flush=True)
        elif now - told >= _PATIENCE:
            told = now
            rate = number / (now - begun)
            print(f"\r{number:,} lines, {rate:,.0f} a second", end="", file=sys.stderr, flush=True)

    return tell
