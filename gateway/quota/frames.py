"""What a worker and the keeper of the buckets say to each other.

A question is its size in four bytes, and JSON: three lists that have all that is wanted in one tick of the
loop. Each want has a charge, by its numbers, and a key; where every request wants one rate, which is usual,
the third list is empty. Else it has two numbers for each request, in their order: how many of the wants are
its own, and the number of what it comes to hold, 0 if that is nothing. Where these are none, what has that
number is given back.

An answer is a number of eight bytes for each want: the level of its bucket, with the sign turned where the
request was refused. What is granted has a level above 0. Answers come in the order of the questions. Nobody
keeps anything about the other beside what is held, so each message can be read by itself.
"""

from array import array
from collections.abc import Iterator, Sequence
from math import isfinite
from struct import Struct
from typing import Final, final

import orjson

from gateway.policy.bucket import Charge
from gateway.policy.tier import Tier

# What a question may have at most: wants, bytes, and letters of a key.
WANTS_AT_MOST: Final = 4096
FRAME_AT_MOST: Final = 1 << 20
KEY_AT_MOST: Final = 512
# Bytes of a want in an answer.
LEVEL: Final = 8

_SIZE: Final = Struct("<I")
# Behind the numbers of a charge whose tier counts what is under way.
_PLACES: Final = " places"
_PLACES_AT_MOST: Final = float(1 << 31)
_NUMBERS_AT_MOST: Final = 128
_CHARGES_AT_MOST: Final = 1024

# Charges, keys and the shape.
Question = tuple[list[str], list[str], list[int]]


def numbers(charge: Charge) -> str:
    """A charge as a question names it."""
    return charge.numbers + _PLACES if charge.tier.concurrent else charge.numbers


def question(charges: list[str], keys: list[str], shape: list[int]) -> bytes:
    """ValueError if it is more than one may send, or no text."""
    try:
        body = orjson.dumps((charges, keys, shape))
    except TypeError as error:
        raise ValueError("expected keys that are texts") from error
    if len(keys) > WANTS_AT_MOST or len(body) > FRAME_AT_MOST or _longest(keys) > KEY_AT_MOST:
        raise ValueError("expected a question of less")
    return _SIZE.pack(len(body)) + body


def answer(levels: Sequence[float]) -> bytes:
    """The levels of one question or several."""
    return array("d", levels).tobytes()


def levels(said: bytes) -> list[float]:
    """The levels of an answer."""
    return array("d", said).tolist()


@final
class Questions:
    """The questions in what one worker sends, however it is cut; `rest` is what has no end yet."""

    __slots__ = ("rest",)

    def __init__(self, rest: bytes = b"") -> None:
        self.rest = rest

    def feed(self, data: bytes) -> Iterator[Question]:
        """Those that are whole. ValueError if one makes no sense, or is too large."""
        said = self.rest + data if self.rest else data
        begin = 0
        while len(said) - begin >= _SIZE.size:
            (size,) = _SIZE.unpack_from(said, begin)
            if size > FRAME_AT_MOST:
                raise ValueError("a question of too many bytes")
            end = begin + _SIZE.size + size
            if len(said) < end:
                break
            yield _read(said[begin + _SIZE.size : end])
            begin = end
        self.rest = said[begin:]


@final
class Charges:
    """The charges that questions name, by their numbers; learns them as they come."""

    def __init__(self) -> None:
        self._known: dict[str, Charge] = {}

    def find(self, numbers: str) -> Charge:
        """ValueError if these are none that a tier has."""
        charge = self._known.get(numbers)
        if charge is None:
            if len(self._known) >= _CHARGES_AT_MOST:
                self._known.clear()
            charge = self._known[numbers] = _charge(numbers)
        return charge


def are_rates(charges: list[str]) -> bool:
    """Whether none of them has places."""
    return _PLACES not in "\n".join(charges)


def _read(body: bytes) -> Question:
    said = orjson.loads(body)
    if not (isinstance(said, list) and len(said) == 3 and all(isinstance(each, list) for each in said)):
        raise ValueError("no question")
    charges, keys, shape = said
    if len(charges) != len(keys) or len(keys) > WANTS_AT_MOST or len(shape) > 4 * WANTS_AT_MOST:
        raise ValueError("a question of too many wants, or of none")
    if not (_are_texts(charges) and _are_texts(keys)) or _longest(keys) > KEY_AT_MOST:
        raise ValueError("keys or charges that are none")
    if not all(isinstance(each, int) for each in shape):
        raise ValueError("a shape of something else")
    return charges, keys, shape


def _are_texts(words: list[str]) -> bool:
    try:
        "".join(words)
    except TypeError:
        return False
    return True


def _longest(keys: list[str]) -> int:
    return max(map(len, keys), default=0)


def _charge(numbers: str) -> Charge:
    # Once as it is: what can be read in two ways is refused.
    own = numbers.removesuffix(_PLACES)
    concurrent = own != numbers
    if len(numbers) > _NUMBERS_AT_MOST:
        raise ValueError("a charge of too many digits")
    try:
        amount, capacity = [float(number) for number in own.split(" ")]
    except ValueError:
        # What it says instead tells of it only what the log should not have.
        raise ValueError("a charge that is none") from None
    if not (isfinite(amount) and isfinite(capacity) and amount > 0.0 and capacity >= 0.0):
        raise ValueError("a charge of impossible numbers")
    # Whole numbers are given back without a rest.
    if concurrent and not (amount.is_integer() and amount <= _PLACES_AT_MOST):
        raise ValueError("places that cannot be counted")
    tier = Tier(
        name="",
        id="",
        unit=amount,
        burst=0,
        capacity=capacity,
        concurrent=concurrent,
        count=0,
        policy=b"",
    )
    return Charge(tier, 1, str)
