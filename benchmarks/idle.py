"""Connections that stay open and say nothing: what they cost is memory.

They are held by the process that runs the benchmark, which sleeps meanwhile.
"""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from benchmarks.certificate import CERTIFICATE
from benchmarks.peer import Site

_PATIENCE = 10.0


@contextmanager
def idle(site: Site, path: str, count: int) -> Iterator[None]:
    """So many connections to a peer until the block is left, each of which has had one answer.

    They are secure where that is its setting. Raises RuntimeError if one of them was closed from the other
    side: the memory was not for all then.
    """
    secure = site.setting == "tls"
    context = ssl.create_default_context(cafile=site.folder / CERTIFICATE) if secure else None
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(_connection(site, path, context))) for _ in range(count)]
        yield
        open_still = sum(map(_is_open, connections))
        if open_still < count:
            raise RuntimeError(f"{count - open_still} of {count} idle connections were closed")


def _connection(site: Site, path: str, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    connection = (
        http.client.HTTPConnection("127.0.0.1", site.port, timeout=_PATIENCE)
        if context is None
        else http.client.HTTPSConnection("127.0.0.1", site.secure, timeout=_PATIENCE, context=context)
    )
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException) as failure:
        connection.close()
        raise RuntimeError(f"no answer on an idle connection: {failure}") from failure
    return connection


def _is_open(connection: http.client.HTTPConnection) -> bool:
    if connection.sock is None:
        return False
    # With a time limit Python would wait for it to pass.
    connection.sock.setblocking(False)
    try:
        return bool(connection.sock.recv(1))
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
