"""What an explanation tells to those who ask from outside: nothing that a file may only hand over masked.

`gateway explain` is run by somebody who can read the files; whoever asks a running gateway perhaps cannot.
"""

from collections.abc import Iterator
from typing import Any, Final, final

from gateway.config.compile import Specs
from gateway.config.interpolation import Resolved
from gateway.config.masked import MASK, masked_gateway, masked_key, masked_policies
from gateway.explain.question import Question
from gateway.explain.record import record
from gateway.explain.report import report
from gateway.http.reason import Reason
from gateway.rehearsal import Stage

# A shorter text may stand for something else in the middle of another one.
_SURE_AT_LEAST: Final = 8


def veiled(stage: Stage, question: Question, veil: "Veil") -> dict[str, Any]:
    """The record of an explanation without secrets. Raises ValueError for what is no principal."""
    told = report(stage, question, masked_key)
    said = record(told)
    forward = told.outcome.forward
    if forward is not None:
        # Whatever the gateway sets for a service may be what it shows there to be let in.
        own = {name.lower() for name, _ in forward.set_fields}
        fields = said["upstream"]["fields"]
        said["upstream"]["fields"] = [
            (name, MASK if name.lower().encode() in own else value) for name, value in fields
        ]
    for step in said["steps"]:
        if step["reason"] == Reason.INTERNAL:
            step["note"] = "a mistake of ours, see the log"
    found: dict[str, Any] = veil(said)
    return found


@final
class Veil:
    """Takes the texts that files may not tell out of whatever holds them."""

    def __init__(self, specs: Specs) -> None:
        gateway = specs.tree.data
        found = dict(_hidden(gateway, masked_gateway(gateway)))
        for tree in specs.policies:
            found |= _hidden(tree.data, masked_policies(tree.data))
        # A part of a longer one would leave the rest of it.
        self._texts = dict(sorted(found.items(), key=lambda pair: len(pair[0]), reverse=True))

    def __call__(self, value: Any) -> Any:
        """The same value without them; what dicts, lists and tuples hold is looked through."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {name: self(each) for name, each in value.items()}
        return [self(each) for each in value] if isinstance(value, list | tuple) else value

    def _text(self, value: str) -> str:
        for hidden, told in self._texts.items():
            if len(hidden) >= _SURE_AT_LEAST:
                value = value.replace(hidden, told)
            elif value == hidden:
                return told
        return value


def _hidden(value: object, told: object) -> Iterator[tuple[str, str]]:
    """Each text that is not told as it is, with what is told instead."""
    if isinstance(value, dict):
        members = told if isinstance(told, dict) else dict.fromkeys(value, MASK)
        for name, each in value.items():
            yield from _hidden(each, members[name])
    elif isinstance(value, list):
        items = told if isinstance(told, list) else [MASK] * len(value)
        for each, instead in zip(value, items, strict=True):
            yield from _hidden(each, instead)
    elif isinstance(value, str) and isinstance(told, str) and value != told:
        # What is short and stands in the file itself is masked at its key alone.
        yield from [(value, told)] if isinstance(value, Resolved) or len(value) >= _SURE_AT_LEAST else ()
