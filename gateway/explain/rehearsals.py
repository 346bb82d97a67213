"""Questions to a configuration that serves elsewhere in the process, answered one at a time.

It is compiled once more, with the ports of a rehearsal: the buckets, keys and caches by which requests are
judged are never touched.
"""

from typing import Any, final

from gateway.config.compile import Specs
from gateway.config.problem import ConfigError, Problem
from gateway.config.question import QuestionSpec
from gateway.explain.question import stated
from gateway.explain.veil import Veil, veiled
from gateway.policy.ports import Time
from gateway.rehearsal import RehearsalPorts, Stage


@final
class Rehearsals:
    """Keeps what it compiled for as long as it is asked about the same specs. Not for two threads at once."""

    def __init__(self, wall: Time) -> None:
        self._wall = wall
        self._kept: tuple[Stage, Veil] | None = None

    def ask(self, question: QuestionSpec, specs: Specs) -> dict[str, Any]:
        """The record of an explanation without secrets, as of now and with full buckets.

        Raises ConfigError, which names the key of the question that the specs have no answer to.
        """
        stage, veil = self._of(specs)
        stage.ports.begin(self._wall())
        try:
            asked = stated(question, stage.snapshot.listeners)
        except ValueError as error:
            raise _unclear("listener", error) from None
        try:
            return veiled(stage, asked, veil)
        except ValueError as error:
            raise _unclear("principal", error) from None

    def _of(self, specs: Specs) -> tuple[Stage, Veil]:
        if self._kept is None or self._kept[0].specs is not specs:
            # Two of them need not be there at a time.
            self._kept = None
            self._kept = Stage(specs, RehearsalPorts(self._wall())), Veil(specs)
        return self._kept


def _unclear(key: str, error: ValueError) -> ConfigError:
    return ConfigError([Problem("question", 1, 1, key, str(error))])
