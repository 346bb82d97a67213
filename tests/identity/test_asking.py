"""Questions to other services, over real sockets."""

import asyncio
import time

import pytest
from aiohttp import web

from gateway.identity.asking import Asker, AskError, Question
from gateway.policy.questions import Answer


@pytest.fixture
async def asker():
    made = Asker()
    yield made
    await made.close()


def get(url, *fields, timeout=0.5):
    return Question("GET", url, fields, timeout)


async def test_a_question_is_asked_as_it_is_and_so_is_the_answer(asker, scripted):
    script = await scripted()
    question = Question(
        "POST", f"{script.url}/a?b", ((b"X-A", "ö".encode()), (b"Cookie", b"c=d")), 2, b"body"
    )
    asking = asyncio.create_task(asker.ask(question))
    stream, head = await script.requested()
    assert b"body" == await stream.exactly(4)
    assert head.startswith(b"POST /a?b HTTP/1.1\r\n")
    for line in (b"X-A: \xc3\xb6", b"Cookie: c=d", b"Accept-Encoding: identity", b"Content-Length: 4"):
        assert b"\r\n" + line + b"\r\n" in head
    await stream.send(b"HTTP/1.1 418 T\r\nX-B: 1\r\nx-b: 2\r\nSet-Cookie: e=f\r\nContent-Length: 2\r\n\r\nok")
    answer, body = await asking
    assert (418, b"1, 2", b"ok") == (answer.status, answer.value(b"x-b"), body)
    assert answer.value(b"x-c") is None


async def test_a_connection_serves_again_and_no_cookie_is_kept(asker, scripted):
    script = await scripted()
    asking = asyncio.create_task(asker.ask(get(script.url)))
    stream, _ = await script.requested()
    await stream.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: e=f\r\nContent-Length: 0\r\n\r\n")
    await asking
    asking = asyncio.create_task(asker.ask(get(script.url)))
    assert b"ookie" not in await stream.head()
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await asking


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer(asker, backend, status):
    asked = []

    async def handler(request):
        asked.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    url = await backend(handler)
    answer, _ = await asker.ask(get(f"{url}/check"))
    assert isinstance(answer, Answer)
    assert (status, ["/check"]) == (answer.status, asked)


async def test_a_body_without_end_is_not_taken(asker, backend):
    async def handler(request):
        return web.Response(body=b"x" * 10_000_000)

    with pytest.raises(AskError, match=r"^more than 64 KiB$"):
        await asker.ask(get(await backend(handler), timeout=5))


async def test_what_never_comes_is_not_waited_for(asker, scripted):
    script = await scripted()
    begin = time.monotonic()
    with pytest.raises(AskError, match=r"^no answer within 0\.2 s$"):
        await asker.ask(get(script.url, timeout=0.2))
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"secret nonsense\r\n\r\n", id="nonsense"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", id="a part"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: c\r\n\r\n", id="a line break in a field"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 100_000 + b"\r\n\r\n", id="a field without end"),
    ],
)
async def test_who_breaks_off_or_the_rules_gave_no_answer(asker, scripted, said):
    script = await scripted()
    asking = asyncio.create_task(asker.ask(Question("POST", script.url, (), 2.0, b"a")))
    stream, _ = await script.requested()
    await stream.send(said)
    stream.end()
    with pytest.raises(AskError) as error:
        await asking
    assert "secret" not in str(error.value)


async def test_nobody_there_is_told(asker):
    with pytest.raises(AskError, match=r"^ClientConnectorError$"):
        await asker.ask(get("http://127.0.0.1:1/"))


async def test_what_could_be_read_as_another_field_is_not_sent(asker, scripted):
    script = await scripted()
    for value in (b"a\r\nX-B: c", b"a\0b", b"\xff"):
        with pytest.raises(AskError):
            await asker.ask(get(script.url, (b"X-A", value)))
    await asker.close()
    while not script.connections.empty():
        assert b"" == await (await script.accept()).rest()


async def test_closing_what_was_never_opened_is_fine():
    await Asker().close()
