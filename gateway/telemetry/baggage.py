"""`baggage` (W3C Baggage): what of it passes, which is what the configuration names.

Anybody can send it, and whoever reads it behind the gateway may believe it; so nothing passes by itself.
"""

import re
from collections.abc import Iterable
from typing import Final, final

# W3C Baggage 3.3.2: what has to be passed on at least; no more is.
_MEMBERS_AT_MOST: Final = 64
_LENGTH_AT_MOST: Final = 8192

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE: Final = rb"[ \t]*=[ \t]*[!#-+\--:<-\[\]-~]*"
# W3C Baggage 3.2.1: key, value, and properties that may have a value.
_MEMBER: Final = re.compile(
    rb"(" + _TOKEN + rb")" + _VALUE + rb"(?:[ \t]*;[ \t]*" + _TOKEN + rb"(?:" + _VALUE + rb")?)*"
)


@final
class Baggage:
    """Passes the members with these keys."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = frozenset([key.encode() for key in keys])

    def passed_on(self, value: bytes) -> bytes:
        """The members that pass, in their order; one that is not valid or too much is left out.

        `value` is that of all fields of the name, joined by commas in their order.
        """
        kept: list[bytes] = []
        length = -1
        for each in value.split(b","):
            member = each.strip(b" \t")
            match = _MEMBER.fullmatch(member)
            if match is None or match[1] not in self._keys:
                continue
            if len(kept) == _MEMBERS_AT_MOST or length + 1 + len(member) > _LENGTH_AT_MOST:
                break
            length += 1 + len(member)
            kept.append(member)
        return b",".join(kept)
