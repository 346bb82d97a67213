"""Connections that stay open and say nothing: what they cost is memory.

They are held by the process that runs the benchmark, which sleeps meanwhile.
"""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from socket import MSG_PEEK

_PATIENCE = 10.0


@contextmanager
def idle(port: int, path: str, count: int) -> Iterator[None]:
    """So many connections to a loopback port until the block is left, each of which has had one answer.

    Raises RuntimeError if one of them was closed from the other side: the memory was not for all then.
    """
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(_connection(port, path))) for _ in range(count)]
        yield
        open_still = sum(map(_is_open, connections))
        if open_still < count:
            raise RuntimeError(f"{count - open_still} of {count} idle connections were closed")


def _connection(port: int, path: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
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
    # With a time limit Python would wait for it to pass, whatever the flags say.
    connection.sock.setblocking(False)
    try:
        return bool(connection.sock.recv(1, MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False
