"""Where a credential stands in a request, and how it is taken out again before the backend sees it.

A place is a field, a cookie or a parameter of the query. `find` gives the texts that stand there, `cut` takes
them away; a field is not cut but named in `Exchange.hidden`.
"""

import re
from typing import Protocol, final
from urllib.parse import unquote_to_bytes

from gateway.http.reason import Reason
from gateway.http.request import Request

AUTHORIZATION = b"authorization"
# RFC 6750 2.1: b64token.
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")


class Refused(Exception):
    """A credential that does not count: `reason` says why, nothing of it is kept."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Place(Protocol):
    """Somewhere in a request."""

    @property
    def hidden(self) -> tuple[bytes, ...]:
        """Lower-case names of the fields that the backend must not see."""

    def find(self, request: Request) -> list[bytes]:
        """What stands there, each text once. Raises Refused."""

    def cut(self, request: Request) -> None:
        """Take it out of the request."""


@final
class Field:
    """A field: `Bearer TOKEN`, and the token alone where it is not `Authorization`. `name` is lower-case."""

    __slots__ = ("_name", "hidden")

    def __init__(self, name: bytes) -> None:
        self._name = name
        self.hidden = (name,)

    def find(self, request: Request) -> list[bytes]:
        """At most one text; another scheme is no token."""
        is_usual = self._name == AUTHORIZATION
        value = request.noted.get(AUTHORIZATION) if is_usual else request.value(self._name)
        if value is None:
            return []
        # RFC 9110 11.1: the scheme is "a case-insensitive token", and one or more spaces follow it.
        if value[:7].lower() == b"bearer ":
            return [value[7:].lstrip(b" ")]
        if value.lower() == b"bearer":
            raise Refused(Reason.MALFORMED_CREDENTIALS)
        return [] if is_usual else [value]

    def cut(self, request: Request) -> None:
        """Nothing: the field is hidden as a whole."""


@final
class Cookie:
    """A cookie (RFC 6265 4.2); the others of the request pass."""

    __slots__ = ("_name", "hidden")

    def __init__(self, name: bytes) -> None:
        self._name = name
        self.hidden: tuple[bytes, ...] = ()

    def find(self, request: Request) -> list[bytes]:
        """Every value that the cookie has."""
        cookie = request.noted.get(b"cookie", b"")
        if self._name not in cookie:
            return []
        pairs = [pair.partition(b"=") for pair in cookie.split(b";")]
        return [*{value.strip(b" \t"): None for name, _, value in pairs if self._is_own(name)}]

    def cut(self, request: Request) -> None:
        """Take it out of every Cookie field, and the field where nothing else stands in it."""
        if self._name not in request.noted.get(b"cookie", b""):
            return
        lines = []
        for line in request.lines:
            name, _, value = line.partition(b":")
            if name.lower() == b"cookie":
                pairs = [pair.strip(b" \t") for pair in value.split(b";")]
                kept = b"; ".join([pair for pair in pairs if not self._is_own(pair.partition(b"=")[0])])
                if not kept:
                    continue
                line = b"%b: %b" % (name, kept)
            lines.append(line)
        request.lines = lines

    def _is_own(self, name: bytes) -> bool:
        return name.strip(b" \t") == self._name


@final
class Parameter:
    """A parameter of the query, however its name is escaped."""

    __slots__ = ("_name", "hidden")

    def __init__(self, name: bytes) -> None:
        self._name = name
        self.hidden: tuple[bytes, ...] = ()

    def find(self, request: Request) -> list[bytes]:
        """Every value that the parameter has."""
        if not request.query:
            return []
        pairs = [pair.partition(b"=") for pair in request.query[1:].split(b"&")]
        return [*{unquote_to_bytes(value): None for name, _, value in pairs if self._is_own(name)}]

    def cut(self, request: Request) -> None:
        """Take it out; the rest of the query stays as it came."""
        if request.query:
            pairs = request.query[1:].split(b"&")
            kept = [pair for pair in pairs if not self._is_own(pair.partition(b"=")[0])]
            if len(kept) != len(pairs):
                request.query = b"?" + b"&".join(kept) if kept else b""

    def _is_own(self, name: bytes) -> bool:
        return unquote_to_bytes(name.replace(b"+", b" ")) == self._name


def single(places: tuple[Place, ...], request: Request) -> bytes | None:
    """The one credential that stands in these places, None if there is none.

    Raises Refused where they hold several that differ: whichever we took, the backend might take another.
    """
    if len(places) == 1:
        found = places[0].find(request)
    else:
        found = [*{text: None for place in places for text in place.find(request)}]
    if not found:
        return None
    if len(found) > 1:
        raise Refused(Reason.AMBIGUOUS_CREDENTIALS)
    return found[0]


def check_token(text: bytes) -> None:
    """Raise Refused unless `text` is spelled as a bearer token can be (RFC 6750 2.1)."""
    if _TOKEN.fullmatch(text) is None:
        raise Refused(Reason.MALFORMED_CREDENTIALS)
