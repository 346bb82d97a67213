"""Questions to a running gateway, at its admin listener. The standard library alone is quick to be there."""

import http.client
import json
import socket
from typing import Any, final
from urllib.parse import quote

from gateway.config.snapshot import Address

_SECONDS = 2.0
# A reload reads every file and waits for one that is under way.
_RELOADING_AT_MOST = 60.0
_ANSWER_AT_MOST = 1 << 20


class UnansweredError(Exception):
    """The gateway did not say what it was asked to; the text tells what it did instead."""


def readiness(address: Address) -> str | None:
    """None if the admin listener at `address` says that it is ready, else what it says instead."""
    try:
        status, said = _asked(address, "GET", "/readyz", {}, _SECONDS)
    except UnansweredError as error:
        return str(error)
    text = said[:100].decode("utf-8", "replace").strip()
    return None if status == 200 else f"the admin listener {address} says {status} {text}"


def reload(address: Address, token: str) -> str:
    """Have the gateway reload; the version that serves then.

    Raises UnansweredError, with every problem where the configuration was not taken.
    """
    fields = {"X-Gateway-Admin": "1"} | _bearer(token)
    status, said = _asked(address, "POST", "/reload", fields, _RELOADING_AT_MOST)
    try:
        answer = json.loads(said)
        if status == 200:
            return str(answer["version"])
        problems = answer.get("problems") or [answer["detail"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnansweredError(f"the admin listener {address} says {status}") from None
    raise UnansweredError("\n".join(map(str, problems)))


def explanation(address: Address, token: str, request_id: str) -> dict[str, Any]:
    """What the gateway remembers of a request, as `GET /explain` of its admin listener tells it.

    Raises UnansweredError: it is not there, it does not remember the request, or it remembers none.
    """
    path = f"/explain?request_id={quote(request_id, safe='')}"
    status, said = _asked(address, "GET", path, _bearer(token), _SECONDS)
    try:
        answer = json.loads(said)
        if status == 200:
            return dict(answer)
        problem = str(answer["detail"])
    except (ValueError, KeyError, TypeError):
        problem = f"the admin listener {address} says {status}"
    raise UnansweredError(problem)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _asked(
    address: Address, method: str, path: str, fields: dict[str, str], seconds: float
) -> tuple[int, bytes]:
    connection = _UnixConnection(address.unix, seconds) if address.unix else _tcp(address, seconds)
    try:
        connection.request(method, path, headers={"Host": "localhost", **fields})
        response = connection.getresponse()
        return response.status, response.read(_ANSWER_AT_MOST)
    except OSError as error:
        raise UnansweredError(
            f"no answer from the admin listener {address}: {error.strerror or error}"
        ) from None
    except http.client.HTTPException:
        raise UnansweredError(f"what answers at {address} is no admin listener") from None
    finally:
        connection.close()


def _tcp(address: Address, seconds: float) -> http.client.HTTPConnection:
    # Who listens on every address is asked on loopback.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    return http.client.HTTPConnection(host, address.port, timeout=seconds)


@final
class _UnixConnection(http.client.HTTPConnection):
    """The standard library's client over a Unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
