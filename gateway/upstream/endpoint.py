"""One address of an upstream, and what is known of it.

Two parties judge it, each by its own word: probes say whether it is healthy, requests whether it has failed
too often of late. Neither is asked when a request comes; who has to know is told when a word changes.
"""

from collections.abc import Callable
from math import inf
from typing import final

from gateway.config.snapshot import Address
from gateway.upstream.pool import Pool


@final
class Endpoint:
    """One address of an upstream, which is its `name`. `pending` counts the requests it has not finished.

    `host` is the Host that requests get here, None where the client's is kept. `healthy` is the word of the
    probes; `failures` counts failed requests in a row, and `ejected` says that they were too many, as they
    have been `ejections` times.
    """

    __slots__ = (
        "_at_most",
        "_failed_too_often",
        "address",
        "authority",
        "ejected",
        "ejections",
        "failures",
        "healthy",
        "host",
        "name",
        "pending",
        "pool",
    )

    def __init__(self, pool: Pool, host: str) -> None:
        address = self.address = pool.dialer.address
        self.name = str(address).encode()
        self.authority = authority(address)
        self.host = {"preserve": None, "endpoint": self.authority}.get(host, host.encode())
        self.pool = pool
        self.pending = 0
        self.healthy = True
        self.ejected = False
        self.ejections = 0
        self.failures = 0
        self._at_most = inf
        self._failed_too_often: Callable[[Endpoint], None] = _nobody_asks

    @property
    def state(self) -> str:
        """`up`, `unhealthy` (the probes say so) or `ejected` (requests failed)."""
        if not self.healthy:
            return "unhealthy"
        return "ejected" if self.ejected else "up"

    def watch(self, failures: int, failed_too_often: Callable[["Endpoint"], None]) -> None:
        """From now on tell of so many failures in a row."""
        self._at_most = float(failures)
        self._failed_too_often = failed_too_often

    def succeeded(self) -> None:
        """A request got an answer that the endpoint stands behind."""
        self.failures = 0

    def failed(self) -> None:
        """A request got none, or one that tells of a failure; see `outlier` for what counts."""
        self.failures += 1
        if self.failures >= self._at_most and not self.ejected:
            self._failed_too_often(self)

    def __repr__(self) -> str:
        return f"<Endpoint {self.address} {self.state} pending={self.pending}>"


def authority(address: Address) -> bytes:
    """The Host by which an endpoint knows itself."""
    if address.unix:
        return b"localhost"
    if address.port == (443 if address.tls else 80):
        return str(address).rpartition(":")[0].encode()
    return str(address).encode()


def _nobody_asks(endpoint: Endpoint) -> None:
    """Failures are of no consequence where no outliers are sought."""
