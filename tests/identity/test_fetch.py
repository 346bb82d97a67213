import asyncio
import gzip
import time

import pytest
from aiohttp import web

from gateway.identity.fetch import Document, Fetcher, FetchError


@pytest.fixture
async def fetcher():
    made = Fetcher(0.5)
    yield made
    await made.close()


async def test_a_document_is_fetched(fetcher, issuer):
    issuer.keys, issuer.etag, issuer.fields = [{"kty": "x"}], '"v1"', {"Cache-Control": "max-age=300"}
    assert Document({"keys": [{"kty": "x"}]}, 300.0, '"v1"') == await fetcher.get(f"{issuer.url}/keys")
    (headers,) = issuer.headers
    assert ("application/json", "identity") == (headers["Accept"], headers["Accept-Encoding"])
    assert {"Cookie", "Authorization"}.isdisjoint(headers)


async def test_what_is_not_changed_is_not_sent(fetcher, issuer):
    issuer.etag, issuer.fields = '"v1"', {"Cache-Control": "max-age=90"}
    assert Document(None, 90.0, '"v1"') == await fetcher.get(f"{issuer.url}/keys", '"v1"')
    assert {"keys": []} == (await fetcher.get(f"{issuer.url}/keys", '"v0"')).members


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(lambda url: web.Response(status=302, headers={"Location": url}), "status 302", id="302"),
        pytest.param(lambda url: web.Response(status=307, headers={"Location": url}), "status 307", id="307"),
        pytest.param(lambda url: web.Response(status=304), "status 304", id="304 without being asked"),
        pytest.param(lambda url: web.Response(status=500), "status 500", id="a failure"),
        pytest.param(lambda url: web.Response(body=b"x" * 10_000_000), "more than 512 KiB", id="10 MB"),
        pytest.param(lambda url: web.Response(text="<html>"), "no JSON object", id="a page"),
        pytest.param(lambda url: web.Response(text="[]"), "no JSON object", id="a list"),
        pytest.param(lambda url: web.Response(text='{"a":1,"a":2}'), "no JSON object", id="a member twice"),
        pytest.param(lambda url: web.Response(text="[" * 100_000), "nested too deeply", id="a bomb"),
        pytest.param(lambda url: web.Response(status=204), "status 204", id="nothing"),
        pytest.param(
            lambda url: web.Response(
                body=gzip.compress(b"{" + b" " * 9_000_000 + b"}"), headers={"Content-Encoding": "gzip"}
            ),
            "no JSON object",
            id="a compressed bomb",
        ),
    ],
)
async def test_what_is_no_document_is_refused(fetcher, backend, answer, why):
    asked = []

    async def handler(request):
        asked.append(request.path)
        return answer(f"{url}/elsewhere")

    url = await backend(handler)
    with pytest.raises(FetchError, match=f"^{why}"):
        await fetcher.get(f"{url}/keys")
    assert ["/keys"] == asked


async def test_an_answer_that_never_ends_is_not_waited_for(fetcher, scripted):
    script = await scripted()
    begin = time.monotonic()
    with pytest.raises(FetchError, match=r"^no answer within 0\.5 s"):
        await fetcher.get(script.url)
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
async def test_who_breaks_off_is_refused(fetcher, scripted, said):
    script = await scripted()
    fetching = asyncio.create_task(fetcher.get(script.url))
    for _ in range(2):
        if not fetching.done():
            try:
                async with asyncio.timeout(0.2):
                    stream, _ = await script.requested()
            except TimeoutError:
                break
            await stream.send(said)
            stream.cut()
    with pytest.raises(FetchError) as error:
        await fetching
    assert "nonsense" not in str(error.value)


async def test_nobody_there_is_told(fetcher):
    with pytest.raises(FetchError, match=r"^ClientConnectorError$"):
        await fetcher.get("http://127.0.0.1:1/keys")
