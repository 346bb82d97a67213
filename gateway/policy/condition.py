"""The language of `when`: a text becomes one function, when the configuration is read.

    condition  = operand [("==" | "!=" | "in") operand] | "not" condition
               | condition ("and" | "or") condition | "(" condition ")"
    operand    = text | number | "true" | "false" | list | name

`not` binds more tightly than `and`, `and` more tightly than `or`. What the function gives is the business of
`gateway.policy.logic`. Nothing is run as code; length, words and depth are bounded.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_network
from typing import Final, NoReturn, final

from gateway.policy import logic
from gateway.policy.guard import Network
from gateway.policy.logic import Value, When

__all__ = ["When", "condition"]

_CHARACTERS_AT_MOST = 2048
_WORDS_AT_MOST = 256
_DEPTH_AT_MOST = 32
_SHOWN_AT_MOST = 40

_WORD = re.compile(
    # A name and its members; one that is no word stands in quotes, as names of claims are often URLs (RFC
    # 7519 4.2).
    r"(?P<name>[A-Za-z_][A-Za-z0-9_-]*(?:\.(?:[A-Za-z_][A-Za-z0-9_-]*|\"[^\"\\]+\"|'[^'\\]+'))*)"
    # A backslash would be read as an escape by one and as itself by another: there is none.
    r"|(?P<text>\"[^\"\\]*\"|'[^'\\]*')"
    r"|(?P<number>-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?(?![0-9A-Za-z_.]))"
    r"|(?P<mark>==|!=|[()\[\],])"
    r"|(?P<end>\Z)"
)
_BLANKS = re.compile(r"[ \t\r\n]*")
_METHOD = re.compile(r"[A-Z]+(?:-[A-Z]+)*")
_MEMBER = re.compile(r"\.(?:([A-Za-z0-9_-]+)|\"([^\"]+)\"|'([^']+)')")

# How tightly operators bind; `not` stands between `and` and the comparisons.
_POWERS = {"or": 1, "and": 2, "==": 4, "!=": 4, "in": 4}
_NOT: Final = 3
_COMPARISON: Final = 4


class _Kind(StrEnum):
    """What is known of a value before there is one; a claim may turn out to be anything."""

    TEXT = "a text"
    METHOD = "a method"
    NUMBER = "a number"
    TRUTH = "a truth value"
    LIST = "a list"
    ADDRESS = "the address"
    CLAIM = "a claim"


_SINGLE = (_Kind.TEXT, _Kind.METHOD, _Kind.NUMBER, _Kind.TRUTH, _Kind.CLAIM)
_LITERALS = {str: _Kind.TEXT, bool: _Kind.TRUTH, int: _Kind.NUMBER, float: _Kind.NUMBER}

# What is asked for by its name alone.
_NAMES: dict[str, tuple[_Kind, Value]] = {
    "subject": (_Kind.TEXT, lambda exchange, principal: principal.subject),
    "roles": (_Kind.LIST, lambda exchange, principal: principal.roles),
    "scopes": (_Kind.LIST, lambda exchange, principal: principal.scopes),
    "method": (_Kind.METHOD, logic.method),
    "address": (_Kind.ADDRESS, lambda exchange, principal: exchange.request.client),
}
_FORMS = (*_NAMES, "path.NAME", "claims.NAME")


@final
@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the text; `at` is its first character, counted from 1."""

    kind: str
    text: str
    at: int


@final
@dataclass(frozen=True, slots=True)
class _Node:
    """A part of a condition. `literal` is what was written there, `members` are those of a written list."""

    kind: _Kind
    value: Value
    at: int
    literal: object = None
    members: "tuple[_Node, ...]" = ()


def condition(text: str, variables: tuple[str, ...] | None) -> When:
    """The function that a condition stands for.

    `variables` are those of the route's path, in its order; None admits any name, for a text whose routes are
    not known: what it gives then says no more than that the text is sound. Raises ValueError, as "expected X,
    got Y at character N", for a text that is no condition, or compares what can never be equal.
    """
    return _Parser(text, variables).condition()


@final
class _Parser:
    """Operator precedence (Pratt 1973) over the words of one text."""

    def __init__(self, text: str, variables: tuple[str, ...] | None) -> None:
        self._words = _words(text)
        self._index = 0
        self._depth = 0
        self._variables = variables

    def condition(self) -> When:
        """The whole text as one function."""
        value = _truth(self._expression(0))
        if self._word.kind != "end":
            _refuse('"and", "or" or the end', self._word)
        return value

    @property
    def _word(self) -> _Word:
        return self._words[self._index]

    def _take(self) -> _Word:
        word = self._word
        self._index += 1
        return word

    def _expression(self, floor: int) -> _Node:
        """As much as is held together by operators that bind more tightly than `floor`."""
        self._depth += 1
        if self._depth > _DEPTH_AT_MOST:
            raise ValueError(
                f"expected at most {_DEPTH_AT_MOST} levels, got more at character {self._word.at}"
            )
        node = self._operand(floor)
        while _POWERS.get(self._word.text, 0) > floor:
            node = self._operation(node)
        self._depth -= 1
        return node

    def _operation(self, left: _Node) -> _Node:
        operator = self._word.text
        if operator not in ("and", "or"):
            return self._comparison(left)
        # A chain is one node: its length costs no depth.
        operands = [_truth(left)]
        while self._word.text == operator:
            self._take()
            operands.append(_truth(self._expression(_POWERS[operator])))
        return _Node(_Kind.TRUTH, logic.chain(operands, decisive=operator == "or"), left.at)

    def _comparison(self, left: _Node) -> _Node:
        operator = self._take()
        right = self._expression(_COMPARISON)
        if _POWERS.get(self._word.text) == _COMPARISON:
            _refuse('"and", "or" or the end', self._word)
        if operator.text == "in":
            return _Node(_Kind.TRUTH, _inclusion(left, right), left.at)
        if left.kind is _Kind.ADDRESS:
            _refuse('"in" and networks after address', operator)
        _check_comparable(left, right)
        equality = logic.equality(left.value, right.value, wanted=operator.text == "==")
        return _Node(_Kind.TRUTH, equality, left.at)

    def _operand(self, floor: int) -> _Node:
        word = self._take()
        if word.kind == "text":
            return _literal(word.text[1:-1], word.at)
        if word.kind == "number":
            return _literal(float(word.text) if "." in word.text else int(word.text), word.at)
        if word.text in ("true", "false"):
            return _literal(word.text == "true", word.at)
        if word.text == "not" and floor <= _NOT:
            return _Node(_Kind.TRUTH, logic.negation(_truth(self._expression(_NOT))), word.at)
        if word.text == "(":
            node = self._expression(0)
            self._close(")")
            return node
        if word.text == "[":
            return self._list(word.at)
        if word.kind != "name" or word.text == "not" or word.text in _POWERS:
            _refuse("a value", word)
        return self._named(word)

    def _close(self, mark: str) -> None:
        word = self._take()
        if word.text != mark:
            _refuse(f'"{mark}"', word)

    def _list(self, at: int) -> _Node:
        members = [self._member()]
        while self._word.text == ",":
            self._take()
            members.append(self._member())
        self._close("]")
        texts = [member.literal for member in members if isinstance(member.literal, str)]
        if len(texts) == len(members):
            return _Node(_Kind.LIST, logic.constant(frozenset(texts)), at, None, tuple(members))
        values = tuple(member.value for member in members)
        return _Node(_Kind.LIST, logic.each(values), at, None, tuple(members))

    def _member(self) -> _Node:
        node = self._expression(_COMPARISON)
        _check_single(node)
        return node

    def _named(self, word: _Word) -> _Node:
        name = word.text.partition(".")[0]
        members = tuple("".join(found) for found in _MEMBER.findall(word.text, len(name)))
        if name == "claims" and members:
            return _Node(_Kind.CLAIM, logic.claim(members), word.at)
        if name == "path" and len(members) == 1:
            return self._variable(members[0], word)
        if members or name not in _NAMES:
            hint = _hint(word.text, [*_NAMES, "true", "false", *self._variable_names()])
            _refuse(f"one of {', '.join(_FORMS)}", word, hint)
        kind, value = _NAMES[name]
        return _Node(kind, value, word.at)

    def _variable(self, name: str, word: _Word) -> _Node:
        known = (name,) if self._variables is None else self._variables
        if name not in known:
            _refuse("a variable of the path", word, _hint(word.text, self._variable_names()))
        return _Node(_Kind.TEXT, logic.capture(known.index(name)), word.at)

    def _variable_names(self) -> list[str]:
        return [f"path.{name}" for name in self._variables or ()]


def _words(text: str) -> list[_Word]:
    if len(text) > _CHARACTERS_AT_MOST:
        raise ValueError(f"expected at most {_CHARACTERS_AT_MOST} characters, got {len(text)}")
    words: list[_Word] = []
    position = 0
    while not words or words[-1].kind != "end":
        blanks = _BLANKS.match(text, position)
        position = blanks.end() if blanks else position
        found = _WORD.match(text, position)
        if found is None:
            raise ValueError(_no_word(text[position:], position + 1))
        words.append(_Word(str(found.lastgroup), found[0], position + 1))
        position = found.end()
        if len(words) > _WORDS_AT_MOST:
            raise ValueError(f"expected at most {_WORDS_AT_MOST} words, got more at character {position}")
    return words


def _no_word(rest: str, at: int) -> str:
    first = rest[0]
    expected = "a value or an operator"
    if first in "\"'":
        expected = "no backslash in a text" if first in rest[1:] else f"a second {first} behind the text"
    elif first.isdigit() or first == "-":
        expected = "a number such as 12 or 1.5"
    return f"expected {expected}, got {first!a} at character {at}"


def _literal(value: str | bool | int | float, at: int) -> _Node:
    return _Node(_LITERALS[type(value)], logic.constant(value), at, value)


def _truth(node: _Node) -> When:
    if node.kind is _Kind.TRUTH:
        return node.value
    if node.kind is not _Kind.CLAIM:
        _mismatch("a comparison", node)
    return logic.truth(node.value)


def _inclusion(left: _Node, right: _Node) -> When:
    if left.kind is _Kind.ADDRESS:
        return logic.inside([_network(node) for node in right.members or (right,)])
    if right.kind not in (_Kind.LIST, _Kind.CLAIM):
        _mismatch('a list after "in"', right)
    # Roles and scopes are texts; of a claim's members nothing is known.
    kind = _Kind.TEXT if right.kind is _Kind.LIST else _Kind.CLAIM
    for member in right.members or (_Node(kind, right.value, right.at),):
        _check_comparable(left, member)
    return logic.inclusion(left.value, right.value)


def _network(node: _Node) -> Network:
    if not isinstance(node.literal, str):
        _mismatch("a network such as 10.0.0.0/8", node)
    try:
        return ip_network(node.literal)
    except ValueError:
        _misspelt("a network such as 10.0.0.0/8", node, node.literal)


def _check_comparable(left: _Node, right: _Node) -> None:
    _check_single(left)
    _check_single(right)
    for one, other in ((left, right), (right, left)):
        if one.kind is _Kind.METHOD and isinstance(other.literal, str):
            _check_method(other, other.literal)
            return
    if left.kind is not right.kind and _Kind.CLAIM not in (left.kind, right.kind):
        _mismatch(left.kind, right)


def _check_method(node: _Node, text: str) -> None:
    # RFC 9110 9.1: "The method token is case-sensitive". `method != "delete"` would always hold.
    if not _METHOD.fullmatch(text) or text == "HEAD":
        _misspelt("a method in upper case, GET for HEAD too", node, text)


def _check_single(node: _Node) -> None:
    if node.kind not in _SINGLE:
        _mismatch("a text, a number or a truth value", node)


def _misspelt(expected: str, node: _Node, text: str) -> NoReturn:
    _refuse(expected, _Word("text", f'"{text}"', node.at))


def _mismatch(expected: str, node: _Node) -> NoReturn:
    raise ValueError(f"expected {expected}, got {node.kind} at character {node.at}")


def _refuse(expected: str, word: _Word, hint: str = "") -> NoReturn:
    text = word.text if len(word.text) <= _SHOWN_AT_MOST else word.text[:_SHOWN_AT_MOST] + "..."
    got = ascii(text)[1:-1] if text else "the end"
    raise ValueError(f"expected {expected}, got {got} at character {word.at}{hint}")


def _hint(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""
