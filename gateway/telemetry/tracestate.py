"""`tracestate` (W3C Trace Context level 2, 3.3): what others keep in a trace, and what of it is passed on.

It is valid as a whole or not at all; that it is not says nothing of the `traceparent` beside it (3.2.4).
"""

import re
from typing import Final

# 3.3.1.1, and the characters that have to be passed on at least (3.3.1.5).
_MEMBERS_AT_MOST: Final = 32
_LENGTH_AT_MOST: Final = 512
# What is longer than that goes first.
_LONG: Final = 128

# 3.3.1.3: the key as level 2 has it, and a value that does not end with a blank.
_MEMBER: Final = re.compile(rb"([a-z0-9][a-z0-9_\-*/@]{0,255})=[ -+\--<>-~]{0,255}[!-+\--<>-~]")


def passed_on(value: bytes) -> bytes:
    """The members of a value, in their order and without blanks between them; empty where it is not valid.

    `value` is that of all fields of the name, joined by commas in their order.
    """
    members = [member for each in value.split(b",") if (member := each.strip(b" \t"))]
    if len(members) > _MEMBERS_AT_MOST:
        return b""
    keys = set()
    for member in members:
        match = _MEMBER.fullmatch(member)
        if match is None or match[1] in keys:
            return b""
        keys.add(match[1])
    return b",".join(_shortened(members))


def _shortened(members: list[bytes]) -> list[bytes]:
    """As many whole members as may be passed on: the long ones go first, then those at the end."""
    excess = sum([len(member) + 1 for member in members]) - 1 - _LENGTH_AT_MOST
    for shortest in (_LONG, -1):
        for index in range(len(members) - 1, -1, -1):
            if excess <= 0:
                return members
            if len(members[index]) > shortest:
                excess -= len(members.pop(index)) + 1
    return members
