"""What a route does to the fields of every response that leaves through it, compiled.

Three modes a field: `set` replaces what the backend sent, `default` steps in where it sent none, `remove`
takes it away (a trailing `*` removes by prefix whatever `default` does not name). The constant lines are
joined once for each choice of defaults.
"""

from collections.abc import Iterable
from typing import final

from gateway.http.fields import Field

# Raw names remembered; when they are more, all are forgotten. A longer name is never worth its memory.
_LEARNED_AT_MOST = 4096
_LEARNED_LENGTH = 64
# Choices of defaults remembered: a backend could otherwise have us keep two to the power of their number.
_BLOCKS_AT_MOST = 256
_KEEP = 0
_DROP = -1


@final
class Block:
    """Constant fields, also as the lines an HTTP/1.1 head is made of."""

    __slots__ = ("fields", "lines")

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self.lines = b"".join([b"%b: %b\r\n" % field for field in fields])


@final
class Edits:
    """The response fields of one route for one kind of client connection (plain or secure)."""

    __slots__ = ("_actions", "_blocks", "default", "remove", "set")

    def __init__(self, set: Iterable[Field], default: Iterable[Field], remove: Iterable[bytes]) -> None:
        self.set = tuple(set)
        self.default = tuple(default)
        self.remove = tuple(name.lower() for name in remove)
        self._actions = _Actions(self)
        self._blocks: dict[int, Block] = {}

    def apply(self, fields: list[Field], status: int = 200) -> tuple[list[Field], Block]:
        """The fields of a response that pass, in order, and the constant fields that join them."""
        actions = self._actions
        kept = []
        present = 0
        for field in fields:
            action = actions[field[0]]
            if action == _KEEP:
                kept.append(field)
            elif action > 0:
                kept.append(field)
                present |= action
        if status == 304:
            # RFC 9111 4.3.4: its fields update the stored response, which may have come with its own.
            present = (1 << len(self.default)) - 1
        block = self._blocks.get(present)
        return kept, block if block is not None else self._block(present)

    def _block(self, present: int) -> Block:
        absent = [field for bit, field in enumerate(self.default) if not present & 1 << bit]
        block = Block((*self.set, *absent))
        if len(self._blocks) < _BLOCKS_AT_MOST:
            self._blocks[present] = block
        return block


@final
class _Actions(dict[bytes, int]):
    """Raw name -> keep, drop, or the bit of the default that need not step in; learns spellings."""

    def __init__(self, edits: Edits) -> None:
        super().__init__()
        self._dropped = {name for name in edits.remove if not name.endswith(b"*")}
        self._dropped |= {name.lower() for name, _ in edits.set}
        self._prefixes = tuple(name[:-1] for name in edits.remove if name.endswith(b"*"))
        self._defaults = {name.lower(): 1 << bit for bit, (name, _) in enumerate(edits.default)}

    def __missing__(self, raw: bytes) -> int:
        action = self._action(raw.lower())
        if len(raw) <= _LEARNED_LENGTH:
            if len(self) >= _LEARNED_AT_MOST:
                self.clear()
            self[raw] = action
        return action

    def _action(self, name: bytes) -> int:
        if name in self._dropped:
            return _DROP
        if name in self._defaults:
            return self._defaults[name]
        return _DROP if name.startswith(self._prefixes) else _KEEP
