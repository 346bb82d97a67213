"""What a route does to the fields of every response that leaves through it, compiled.

Four modes a field: `set` replaces what the backend sent, `default` steps in where it sent none, `remove`
takes it away (a trailing `*` removes by prefix whatever `default` does not name), `add` joins what the
backend sent. The constant lines are joined once for each choice of defaults.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, final

from gateway.http.fields import RESPONSE_RULES, Field, FieldRule, FieldTable

# Choices of defaults remembered: a backend could otherwise have us keep two to the power of their number.
_BLOCKS_AT_MOST: Final = 256


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
    replaced, and where a default need not step in. `add` are fields that policies put beside the backend's
    own; `noted` are response fields, in lower case, whose values are wanted.
    """

    __slots__ = ("_all", "_blocks", "add", "default", "noted", "remove", "set", "table")

    def __init__(
        self,
        set: Iterable[Field],
        default: Iterable[Field],
        remove: Iterable[bytes],
        add: Iterable[Field] = (),
        noted: Iterable[bytes] = (),
    ) -> None:
        self.set = tuple(set)
        self.default = tuple(default)
        self.remove = tuple(name.lower() for name in remove)
        self.add = _with_one_vary(add)
        self.noted = tuple(noted)
        self.table = self._table()
        self._all = (1 << len(self.default)) - 1
        self._blocks: dict[int, Block] = {}

    def and_also(
        self, add: Iterable[Field], remove: Iterable[bytes] = (), noted: Iterable[bytes] = ()
    ) -> "Edits":
        """These edits, and what a policy adds, removes and wants to know beside them."""
        added, removed, wanted = (*self.add, *add), (*self.remove, *remove), (*self.noted, *noted)
        return Edits(self.set, self.default, removed, added, wanted)

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
            block = Block((*self.set, *self.add, *absent))
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


def _with_one_vary(fields: Iterable[Field]) -> tuple[Field, ...]:
    """The fields, with what several say of `Vary` in one; the backend's own has its own line."""
    fields = tuple(fields)
    varying = [value for name, value in fields if name == b"Vary"]
    others = [field for field in fields if field[0] != b"Vary"]
    return (*others, (b"Vary", b", ".join(varying))) if varying else fields
