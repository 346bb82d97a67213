"""The sockets of all listeners, bound once and kept for ever.

Linux spreads new connections over all sockets of one address, and drops what is queued on one that is
closed. So each place of a worker has sockets of its own, which outlive whoever accepts on them. What a Unix
socket or the admin listener queues is for whoever comes first.
"""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import final

from gateway.config.snapshot import Address
from gateway.wire.listening import BACKLOG, bind


@final
@dataclass(frozen=True, slots=True)
class Bound:
    """What listens: for each place a socket for each of the `addresses`, and one at `admin` for all.

    The addresses have the ports that were really taken.
    """

    addresses: tuple[Address, ...]
    places: tuple[tuple[socket.socket, ...], ...]
    admin: Address
    admin_socket: socket.socket

    def close(self) -> None:
        """Listen no more here; whoever was handed a socket goes on."""
        for listening in {*(each for place in self.places for each in place), self.admin_socket}:
            listening.close()

    def remove_files(self) -> None:
        """Take the files of Unix sockets away."""
        for address in (*self.addresses, self.admin):
            if address.unix:
                with suppress(FileNotFoundError):
                    os.unlink(address.unix)


def bound(listeners: Sequence[Address], admin: Address, places: int) -> Bound:
    """Listen on all of these. Raises OSError, which names the address, and leaves nothing open then."""
    opened: list[socket.socket] = []
    try:
        by_listener = [_sockets(address, places, opened) for address in listeners]
        admin_socket = _listen(admin, opened)
    except OSError:
        for listening in opened:
            listening.close()
        raise
    taken = [_taken(address, sockets[0]) for address, sockets in zip(listeners, by_listener, strict=True)]
    return Bound(
        tuple(taken), tuple(zip(*by_listener, strict=True)), _taken(admin, admin_socket), admin_socket
    )


def _sockets(address: Address, places: int, opened: list[socket.socket]) -> list[socket.socket]:
    """One socket for each place, all at one address."""
    if address.unix:
        return [_listen(address, opened)] * places
    # Who comes without SO_REUSEPORT finds the address taken; this one would let any process of ours join.
    probe = _bind(address)
    address = _taken(address, probe)
    probe.close()
    return [_listen(address, opened, socket.SO_REUSEPORT) for _ in range(places)]


def _listen(address: Address, opened: list[socket.socket], *options: int) -> socket.socket:
    listening = _bind(address, *options)
    opened.append(listening)
    listening.listen(BACKLOG)
    return listening


def _bind(address: Address, *options: int) -> socket.socket:
    try:
        return bind(address, *options)
    except OSError as error:
        raise OSError(error.errno, f"{address}: {error.strerror}") from None


def _taken(address: Address, listening: socket.socket) -> Address:
    return address if address.unix else replace(address, port=listening.getsockname()[1])
