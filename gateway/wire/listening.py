"""Sockets that clients connect to: bound here, whoever accepts on them."""

import errno
import os
import socket
from typing import Final

from gateway.config.snapshot import Address

# Connections that nobody has accepted yet, as far as the system allows for so many.
BACKLOG: Final = 1024


def bind(address: Address, *options: int) -> socket.socket:
    """A socket bound to `address`, which does not listen yet; TCP has these options too. Raises OSError."""
    if address.unix:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if listening.connect_ex(address.unix) == errno.ECONNREFUSED:
            # Left over from a process that is gone.
            os.unlink(address.unix)
        listening.close()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if address.unix:
            listening.bind(address.unix)
            return listening
        for option in (socket.SO_REUSEADDR, *options):
            listening.setsockopt(socket.SOL_SOCKET, option, 1)
        listening.bind((address.host, address.port))
    except OSError:
        listening.close()
        raise
    return listening
