"""The head of a backend's response."""

from typing import final


@final
class Response:
    """One response: `lines` are those to forward, in order; `noted` holds values by lower-case name.

    `length` is the size of the body in bytes, or -1 where only its end will tell. `present` are the bits of
    the route's table that were met.
    """

    __slots__ = ("length", "lines", "noted", "present", "status")

    def __init__(
        self, status: int, lines: list[bytes], noted: dict[bytes, bytes], length: int, present: int
    ) -> None:
        self.status = status
        self.lines = lines
        self.noted = noted
        self.length = length
        self.present = present
