"""The rows: what is asked for, by how many connections at once, of peers that are configured how."""

from dataclasses import dataclass
from typing import Literal, final

MIB = 1 << 20

# What a peer is configured to do: forward and nothing else, forward with the policies of `policies.py` or of
# `everything.py`, the latter with quotas here or there, with less or more telemetry, or with some that is
# hindered; find the one route that is asked for among others; speak TLS too.
Setting = Literal[
    "bare", "policies", "everything", "redis", "routes", "tls", "telemetry", "hindered", "scraped"
]

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
    """Ask for `path` again and again over `connections` kept connections; the answer has `response` bytes.

    With `upload` bytes it is a POST with a body of that size, else a GET. `idle` connections more are open
    meanwhile, each of which has had one answer.
    """

    name: str
    means: str
    path: str
    response: int = 200
    upload: int = 0
    connections: int = 64
    idle: int = 0
    setting: Setting = "bare"
    fields: tuple[tuple[str, str], ...] = _BROWSER

    @property
    def shows_token(self) -> bool:
        """True where the opaque text in `Authorization` would not do."""
        return self.setting in ("everything", "redis", "telemetry", "hindered", "scraped")


WORKLOADS = (
    Workload("small", "200 bytes of JSON, passed through", "/small"),
    Workload(
        "policies", "the same with policies: fields set, addresses checked", "/policies", setting="policies"
    ),
    Workload("64KiB", "responses of 64 KiB", "/64KiB", response=64 << 10),
    Workload("10MiB", "responses of 10 MiB, 16 connections", "/10MiB", response=10 * MIB, connections=16),
    Workload("upload", "request bodies of 1 MiB, 16 connections", "/upload", upload=MIB, connections=16),
    Workload("idle", "as `small`, beside 1,000 idle connections", "/idle", idle=1000),
    Workload(
        "idle-tls",
        "as `small`, beside 1,000 idle connections over TLS",
        "/idle-tls",
        idle=1000,
        setting="tls",
    ),
    Workload(
        "everything",
        "with every policy, a trace context and a log: tokens, roles, quotas, CORS",
        "/area-7/items/42",
        setting="everything",
    ),
    Workload("redis", "quotas in memory against quotas in Redis", "/area-8/items/42", setting="redis"),
    Workload("telemetry", "what a log and traces cost", "/area-9/items/43", setting="telemetry"),
    Workload("hindered", "no collector, or no room for the log", "/area-9/items/44", setting="hindered"),
    Workload("scraped", "beside scrapers that do not read", "/area-9/items/45", setting="scraped"),
    # Both contenders have this route: one beside 9 others, one beside 9,999.
    Workload("routes", "10 routes against 10,000", "/area-9/items/42", setting="routes"),
)

# Each is asked for once, for the memory that it takes; the loop above is not for them.
TRANSFERS = (
    Workload("download-1GiB", "one response of 1 GiB", "/download-1GiB", response=1024 * MIB, connections=1),
    Workload("upload-1GiB", "one request body of 1 GiB", "/upload-1GiB", upload=1024 * MIB, connections=1),
)
