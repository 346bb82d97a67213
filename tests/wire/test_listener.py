"""An address on which clients connect, for real."""

import asyncio
import os

import pytest

from gateway.config.snapshot import Address
from gateway.config.snapshot import Listener as Settings
from gateway.http.path import PathRules
from gateway.wire.listener import Listener

GET = b"GET /moved HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def listen_on(bench):
    """Open a Listener on an address."""
    opened = []

    async def start(address: Address) -> Listener:
        settings = Settings(address, (), "x-forwarded-for", PathRules())
        listener = Listener(settings, bench.snapshot, bench.proxy, bench.clock, bench.connections)
        opened.append(listener)
        await listener.open()
        return listener

    yield start
    for listener in opened:
        listener.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_clients_connect_to_the_port_that_was_taken(listen_on, host):
    listener = await listen_on(Address(host, 0))
    assert host == listener.address.host
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(host, listener.address.port)
        writer.write(GET)
        assert b"HTTP/1.1 308 " == (await reader.read())[:13]
        writer.close()


async def test_clients_connect_to_a_unix_socket_that_goes_with_its_listener(listen_on, tmp_path):
    path = str(tmp_path / "gateway.sock")
    listener = await listen_on(Address(unix=path))
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(GET)
        assert b"HTTP/1.1 308 " == (await reader.read())[:13]
        writer.close()
    listener.close()
    assert [] == os.listdir(tmp_path)


async def test_a_connection_outlives_its_listener(listen_on):
    listener = await listen_on(Address("127.0.0.1", 0))
    port = listener.address.port
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET[:10])
        listener.close()
        listener.close()
        writer.write(GET[10:])
        assert b"HTTP/1.1 308 " == (await reader.read())[:13]
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_an_address_that_is_taken_cannot_be_taken_again(listen_on):
    listener = await listen_on(Address("127.0.0.1", 0))
    with pytest.raises(OSError, match="in use"):
        await listen_on(listener.address)
