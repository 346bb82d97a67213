"""Where both halves meet: what becomes of a request on its way in."""

import re

from aiohttp import web


async def hello(request: web.Request) -> web.Response:
    """Any answer."""
    return web.Response(text="hello")


async def test_answer_to_what_is_no_request_carries_the_default_fields(serve, connect):
    """What could not be read has no route; it gets what every response gets."""
    client = await connect(await serve(headers="preset: none, set: {X-Policy: marked}"))
    await client.send(b"GET / HTTP/1.1\r\n\r\n")
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"X-Policy: marked" in answer.split(b"\r\n")
    assert 1 == len(re.findall(rb"\r\nX-Request-Id: [0-9a-f]{32}\r\n", answer))


async def test_request_that_came_through_here_before_is_a_loop(serve, session, url):
    """RFC 9110 7.6.3: a route that leads to the gateway's own address would turn for ever."""
    gateway = await serve()
    via = f"1.0 other, {gateway.proxy.surroundings.via.decode()}"
    async with session.get(url(gateway), headers={"Via": via}) as response:
        problem = await response.json(content_type=None)
    assert (502, "proxy_loop", '"test-gateway"; error=proxy_loop_detected') == (
        response.status,
        problem["reason"],
        response.headers["Proxy-Status"],
    )


async def test_two_gateways_in_a_row_are_no_loop(serve, backend, session, url):
    """They have the same name, and listen elsewhere."""
    inner = await serve(await backend(hello))
    outer = await serve(f"http://{inner.listeners[0].address}", listener='address: "127.0.0.2:0"')
    async with session.get(url(outer)) as response:
        via = response.headers["Via"]
    assert (200, f"{inner.proxy.surroundings.via.decode()}, {outer.proxy.surroundings.via.decode()}") == (
        response.status,
        via,
    )
