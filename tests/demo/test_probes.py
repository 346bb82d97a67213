"""The mirror, and each way to misbehave."""

from hashlib import sha256
from io import BytesIO

import pytest
from aiohttp import ClientPayloadError, web

from gateway.demo.probes import drop, echo, fail, slow, upload


@pytest.fixture
async def client(aiohttp_client):
    app = web.Application()
    app.add_routes([web.post("/echo", echo), web.get("/slow", slow), web.get("/fail", fail)])
    app.add_routes([web.get("/drop", drop), web.put("/upload", upload)])
    return await aiohttp_client(app)


async def test_echo_tells_what_arrived(client):
    """Fields keep their spelling, their order and their repetitions; the query stays as it was sent."""
    sent = [("X-Late", "1"), ("x-early", "2"), ("X-Late", "3")]
    response = await client.post("/echo?b=%20&a=1&a=2", headers=sent)
    answer = await response.json()
    fields = [pair for pair in answer.pop("fields") if pair[0].lower().startswith("x-")]
    assert [["X-Late", "1"], ["x-early", "2"], ["X-Late", "3"]] == fields
    assert {"method": "POST", "path": "/echo", "query": "b=%20&a=1&a=2"} == answer


async def test_slow_answers_after_a_while(client):
    """The shortest while is none."""
    response = await client.get("/slow", params={"seconds": "0"})
    assert (200, {"slept": 0}) == (response.status, await response.json())


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param("10.1", id="over the bound"),
        pytest.param("-1", id="negative"),
        pytest.param("nan", id="not a number"),
        pytest.param("soon", id="a word"),
    ],
)
async def test_slow_refuses(client, seconds):
    response = await client.get("/slow", params={"seconds": seconds})
    assert 400 == response.status


async def test_fail_fails(client):
    """A service's own 500."""
    assert 500 == (await client.get("/fail")).status


async def test_drop_hangs_up_in_the_middle_of_the_body(client):
    """The head is whole, the body is not."""
    response = await client.get("/drop")
    assert (200, b"0123456789") == (response.status, await response.content.readexactly(10))
    with pytest.raises(ClientPayloadError):
        await response.content.read()


async def test_upload_takes_a_large_body(client):
    """A body over the mebibyte that an application reads by default."""
    body = bytes(2 << 20)
    response = await client.put("/upload", data=BytesIO(body))
    answer = {"bytes": len(body), "sha256": sha256(body).hexdigest()}
    assert (201, answer) == (response.status, await response.json())
