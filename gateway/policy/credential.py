"""Where a credential stands in a request, and how it is taken out again before the backend sees it.

A place is a field, a cookie or a parameter of the query. `find` gives the text that stands there, `cut` takes
it away; a field is not cut but named in `Exchange.hidden`.
"""

import re
from collections.abc import Iterable
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

    def find(self, request: Request) -> bytes | None:
        """What stands there, if anything. Raises Refused."""

    def cut(self, request: Request) -> None:
        """Take it out of the request."""


@final
class Authorization:
    """The field `Authorization: Bearer TOKEN` (RFC 6750 2.1); another scheme is no token."""

    __slots__ = ("hidden",)

    def __init__(self) -> None:
        self.hidden = (AUTHORIZATION,)

    def find(self, request: Request) -> bytes | None:
        """The token."""
        value = request.noted.get(AUTHORIZATION)
        return None if value is None else _bearer(value)

    def cut(self, request: Request) -> None:
        """Nothing: the field is hidden as a whole."""


@final
class Field:
    """Another field: the token alone, or as in `Authorization`. `name` is lower-case."""

    __slots__ = ("_name", "hidden")

    def __init__(self, name: bytes) -> None:
        self._name = name
        self.hidden = (name,)

    def find(self, request: Request) -> bytes | None:
        """The token. A repeated field has its values joined by commas, which no token has."""
        value = request.value(self._name)
        return None if value is None else _bearer(value) or value

    def cut(self, request: Request) -> None:
        """Nothing: the field is hidden as a whole."""


@final
class Cookie:
    """A cookie (RFC 6265 4.2); the others of the request pass."""

    __slots__ = ("_name", "hidden")

    def __init__(self, name: bytes) -> None:
        self._name = name
        self.hidden: tuple[bytes, ...] = ()

    def find(self, request: Request) -> bytes | None:
        """The value that the cookie has."""
        cookie = request.noted.get(b"cookie", b"")
        if self._name not in cookie:
            return None
        pairs = [pair.partition(b"=") for pair in cookie.split(b";")]
        return _the_one(value.strip(b" \t") for name, _, value in pairs if self._is_own(name))

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

    def find(self, request: Request) -> bytes | None:
        """The value that the parameter has."""
        if not request.query:
            return None
        pairs = [pair.partition(b"=") for pair in request.query[1:].split(b"&")]
        return _the_one(unquote_to_bytes(value) for name, _, value in pairs if self._is_own(name))

    def cut(self, request: Request) -> None:
        """Take it out; the rest of the query stays as it came."""
        if request.query:
            pairs = request.query[1:].split(b"&")
            kept = [pair for pair in pairs if not self._is_own(pair.partition(b"=")[0])]
            if len(kept) != len(pairs):
                request.query = b"?" + b"&".join(kept) if kept else b""

    def _is_own(self, name: bytes) -> bool:
        return unquote_to_bytes(name.replace(b"+", b" ")) == self._name


@final
class Anywhere:
    """What stands in any of several places, which must not differ."""

    __slots__ = ("_places",)

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = tuple(places)

    def find(self, request: Request) -> bytes | None:
        """The one credential. Raises Refused."""
        found = [place.find(request) for place in self._places]
        return _the_one(text for text in found if text is not None)


def check_token(text: bytes) -> None:
    """Raise Refused unless `text` is spelled as a bearer token can be (RFC 6750 2.1)."""
    if _TOKEN.fullmatch(text) is None:
        raise Refused(Reason.MALFORMED_CREDENTIALS)


def _bearer(value: bytes) -> bytes | None:
    # RFC 9110 11.1: the scheme is "a case-insensitive token", and one or more spaces follow it.
    scheme = value[:7]
    if scheme == b"Bearer " or scheme.lower() == b"bearer ":
        return value[7:].lstrip(b" ")
    if scheme.lower() == b"bearer":
        raise Refused(Reason.MALFORMED_CREDENTIALS)
    return None


def _the_one(texts: Iterable[bytes]) -> bytes | None:
    """None of none. Raises Refused for several that differ: the backend might take another than we."""
    found = set(texts)
    if len(found) > 1:
        raise Refused(Reason.AMBIGUOUS_CREDENTIALS)
    return found.pop() if found else None
