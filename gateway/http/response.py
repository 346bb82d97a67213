"""The head of a backend's response."""

from typing import final

from gateway.http.fields import Field


@final
class Response:
    """One response: `fields` are those to forward, in order; `noted` holds values by lower-case name.

    `length` is the size of the body in bytes, or -1 where only its end will tell.
    """

    __slots__ = ("fields", "length", "noted", "status")

    def __init__(self, status: int, fields: list[Field], noted: dict[bytes, bytes], length: int) -> None:
        self.status = status
        self.fields = fields
        self.noted = noted
        self.length = length
