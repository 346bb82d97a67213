"""A request as people write it down, and the bytes that it comes to on the wire."""

import re
from dataclasses import dataclass
from typing import Final, final

# Whoever is not said to be somebody is a stranger: RFC 5737 keeps this address for examples.
CLIENT: Final = "192.0.2.1"
HOST: Final = "localhost"

_URL = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL | re.IGNORECASE)
_LENGTHS = frozenset(["content-length", "transfer-encoding"])


@final
@dataclass(frozen=True, slots=True)
class Draft:
    """One request: `target` is sent as it stands, so that what is refused of it can be seen.

    `client` is the address of the connection; `secure` says whether it has TLS. `Host` and the length of the
    body are written where `fields` have none.
    """

    method: str = "GET"
    target: str = "/"
    host: str = HOST
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    client: str = CLIENT
    secure: bool = False

    @property
    def head(self) -> bytes:
        """The head, with its empty line. Raises ValueError for a line break: it would be another request."""
        given = {name.lower() for name, _ in self.fields}
        fields = list(self.fields)
        if "host" not in given:
            fields.insert(0, ("Host", self.host))
        if self.body and given.isdisjoint(_LENGTHS):
            fields.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {self.target} HTTP/1.1", *[f"{name}: {value}" for name, value in fields]]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("expected no line break in a request line or a field")
        return "".join([f"{line}\r\n" for line in (*lines, "")]).encode(errors="surrogateescape")


def split_url(url: str) -> tuple[bool, str, str]:
    """Whether a URL is https, its host with the port, and the rest of it, untouched; a path has HOST."""
    match = _URL.fullmatch(url)
    if match is None:
        return False, HOST, url
    rest = match[3] if match[3].startswith("/") else f"/{match[3]}"
    return match[1].lower() == "https", match[2], rest
