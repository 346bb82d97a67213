"""One question to a running gateway: are you ready? With the standard library alone, so that it is quick."""

import http.client
import socket
from typing import final

from gateway.config.snapshot import Address

_SECONDS = 2.0


def readiness(address: Address) -> str | None:
    """None if the admin listener at `address` says that it is ready, else what it says instead."""
    connection = _UnixConnection(address.unix) if address.unix else _tcp(address)
    try:
        connection.request("GET", "/readyz", headers={"Host": "localhost"})
        response = connection.getresponse()
        said = response.read(100).decode("utf-8", "replace").strip()
    except OSError as error:
        return f"no answer from the admin listener {address}: {error.strerror or error}"
    except http.client.HTTPException:
        return f"what answers at {address} is no admin listener"
    finally:
        connection.close()
    return None if response.status == 200 else f"the admin listener {address} says {response.status} {said}"


def _tcp(address: Address) -> http.client.HTTPConnection:
    # Who listens on every address is asked on loopback.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    return http.client.HTTPConnection(host, address.port, timeout=_SECONDS)


@final
class _UnixConnection(http.client.HTTPConnection):
    """The standard library's client over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
