"""The rows: what is asked for, by how many connections at once."""

from dataclasses import dataclass
from typing import final

# A request as a browser's script makes it; with the request line and Host about 430 bytes.
_BROWSER = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "application/json"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Origin", "https://app.azora.example"),
    ("Referer", "https://app.azora.example/courses"),
    ("Authorization", "Bearer " + "opaque" * 20),
)


@final
@dataclass(frozen=True, slots=True)
class Workload:
    """GET `path` again and again over `connections` kept connections; the answer has `response` bytes."""

    name: str
    path: str
    response: int
    connections: int = 64
    fields: tuple[tuple[str, str], ...] = _BROWSER

    def body(self) -> str:
        """The JSON text that the backend answers with, `response` bytes long."""
        before, after = '{"course": "algebra", "filler": "', '"}'
        return before + "x" * (self.response - len(before) - len(after)) + after


WORKLOADS = (
    Workload("small", "/small", 200),
    Workload("64KiB", "/64KiB", 64 * 1024),
)
