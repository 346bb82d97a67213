"""What a route does to the fields of every response that leaves through it, compiled.

Three modes a field: `set` replaces what the backend sent, `default` steps in where it sent none, `remove`
takes it away (a trailing `*` removes by prefix whatever `default` does not name). The constant lines are
joined once for each choice of defaults.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import final

from gateway.http.fields import RESPONSE_RULES, Field, FieldRule, FieldTable

# Choices of defaults remembered: a backend could otherwise have us keep two to the power of their number.
_BLOCKS_AT_MOST = 256


@final
class Block:
    """Constant fields, also as the lines an HTTP/1.1 head is made of."""

    __slots__ = ("fields", "lines")

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self.lines = b"".join([b"%b: %b\r\n" % field for field in fields])


@final
class Edits:
    """The response fields of one route for one kind of client connection (plain or secure).

    `table` sorts the fields of a response: what does not pass between connections, what is removed, what is
    replaced, and where a default need not step in. `vary` names request fields that every response depends
    on; `noted` are response fields, in lower case, whose values are wanted.
    """

    __slots__ = ("_all", "_blocks", "default", "noted", "remove", "set", "table", "vary")

    def __init__(
        self,
        set: Iterable[Field],
        default: Iterable[Field],
        remove: Iterable[bytes],
        vary: Iterable[bytes] = (),
        noted: Iterable[bytes] = (),
    ) -> None:
        self.set = tuple(set)
        self.default = tuple(default)
        self.remove = tuple(name.lower() for name in remove)
        self.vary = tuple(vary)
        self.noted = tuple(noted)
        self.table = self._table()
        self._all = (1 << len(self.default)) - 1
        self._blocks: dict[int, Block] = {}

    def extended(self, vary: Iterable[bytes], noted: Iterable[bytes]) -> "Edits":
        """The same edits with more that every response depends on, and more that is noted of it."""
        vary, noted = (*self.vary, *vary), (*self.noted, *noted)
        return Edits(self.set, self.default, self.remove, vary, noted)

    def apply(self, fields: Iterable[Field], status: int = 200) -> tuple[list[Field], Block]:
        """The fields of a response that pass, in order, and the constant fields that join them."""
        kept = []
        present = 0
        for field in fields:
            rule = self.table[field[0]]
            if rule is None:
                kept.append(field)
            elif rule.forwarded:
                kept.append(field)
                present |= rule.bit
        return kept, self.block(present, status)

    def block(self, present: int, status: int) -> Block:
        """The constant fields that join a response in which the rules of the bits `present` were met."""
        if status == 304:
            # RFC 9111 4.3.4: its fields update the stored response, which may have come with its own.
            present = self._all
        block = self._blocks.get(present)
        if block is None:
            absent = [field for bit, field in enumerate(self.default) if not present & 1 << bit]
            # Beside the backend's own `Vary`, if it sent one: a list may stand in several lines.
            varying = [(b"Vary", b", ".join(self.vary))] if self.vary else []
            block = Block((*self.set, *absent, *varying))
            if len(self._blocks) < _BLOCKS_AT_MOST:
                self._blocks[present] = block
        return block

    def _table(self) -> FieldTable:
        rules = {rule.name: rule for rule in RESPONSE_RULES}

        def change(name: bytes, *, forwarded: bool, bit: int) -> None:
            rule = rules.get(name) or FieldRule(name, forwarded, noted=False, joined_by=b", ")
            rules[name] = replace(rule, forwarded=forwarded, bit=bit)

        for number, (name, _) in enumerate(self.default):
            change(name.lower(), forwarded=True, bit=1 << number)
        exact = [name for name in self.remove if not name.endswith(b"*")]
        for name in (*exact, *(name.lower() for name, _ in self.set)):
            change(name, forwarded=False, bit=0)
        prefixes = tuple(name[:-1] for name in self.remove if name.endswith(b"*"))
        for name in self.noted:
            rule = rules.get(name) or FieldRule(
                name, not name.startswith(prefixes), noted=True, joined_by=b", "
            )
            rules[name] = replace(rule, noted=True)
        return FieldTable(rules.values(), prefixes=prefixes)
