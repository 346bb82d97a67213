"""JSON that every parser reads alike (RFC 8259, RFC 7493), or nothing.

What one parser takes and another does not, or takes otherwise, is refused: what is checked here is what the
backend reads. The cost is bounded by the size of the text, whatever stands in it.
"""

import json
import re

_DEPTH_AT_MOST = 32
_MEMBERS_AT_MOST = 1024
_INTEGER_AT_LEAST, _INTEGER_AT_MOST = -(1 << 63), (1 << 64) - 1
_DIGITS_AT_MOST = 20

# The end of the text ends a string too, so that a search never goes over the same bytes twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_TO_ZEROS = bytes.maketrans(b"123456789E", b"000000000e")
_MANY_DIGITS = b"0" * 19
# Behind an even number of backslashes. Programs in C end a text there, and see another name.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def parse(raw: bytes, depth: int = _DEPTH_AT_MOST) -> object:
    """The value of a JSON text in UTF-8 without a byte order mark.

    Raises ValueError for what is no JSON, and for what parsers read in different ways: duplicate names, lone
    surrogates, NUL, NaN and infinities, integers beyond 64 bits, numbers that no double holds, more than
    `depth` levels, more than 1024 members in one object.
    """
    if raw.count(b"[") + raw.count(b"{") > depth:
        _check_depth(raw, depth)
    zeros = raw.translate(_TO_ZEROS)
    # Only such a text can hold a number that is out of range; the others are spared a call for each number.
    is_doubtful = _MANY_DIGITS in zeros or b"e000" in zeros or b"e+000" in zeros
    decoder = _CAREFUL if is_doubtful else _PLAIN
    value: object = decoder.decode(raw.decode("utf-8"))
    if b"\\u" in raw:
        _check_escapes(raw, value)
    return value


def _check_depth(raw: bytes, depth: int) -> None:
    brackets = _STRING.sub(b"", raw).translate(_TO_BRACKETS, _NO_BRACKETS)
    for _ in range(depth):
        # Takes away the innermost level of each part.
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise ValueError("too deep, or not balanced")


def _check_escapes(raw: bytes, value: object) -> None:
    if _ESCAPED_NUL.search(raw):
        raise ValueError("NUL in a text")
    # Raises UnicodeEncodeError, a ValueError, for a lone surrogate.
    json.dumps(value, ensure_ascii=False).encode("utf-8")


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs) or len(pairs) > _MEMBERS_AT_MOST:
        raise ValueError("a name again, or too many")
    return members


def _integer(text: str) -> int:
    if len(text) > _DIGITS_AT_MOST or not _INTEGER_AT_LEAST <= int(text) <= _INTEGER_AT_MOST:
        raise ValueError("an integer beyond 64 bits")
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number beyond a double")
    return number


def _constant(text: str) -> object:
    raise ValueError("no JSON")


_PLAIN = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_constant)
_CAREFUL = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_constant, parse_int=_integer, parse_float=_fraction
)
