"""What is read and written, and for how long."""

import json

from gateway.admin import answers
from gateway.admin.answers import json_answer, refusal


def test_an_answer_is_json():
    answer = json_answer({"a": [1, "\u00fc"]}, 422)
    assert (422, "application/json", {"a": [1, "\u00fc"]}) == (
        *(answer.status, answer.content_type),
        json.loads(answer.body),
    )


def test_a_refusal_says_why():
    answer = refusal(401, "A token.", {"WWW-Authenticate": "Bearer"}, more=[1])
    assert ({"status": 401, "detail": "A token.", "more": [1]}, "Bearer") == (
        json.loads(answer.body),
        answer.headers["WWW-Authenticate"],
    )


async def test_a_body_that_does_not_come_is_not_waited_for(guarded, dial, monkeypatch):
    monkeypatch.setattr(answers, "READING_AT_MOST", 0.1)
    gateway = await guarded()
    client = await dial(gateway.admin.address.port)
    fields = b"Host: localhost\r\nAuthorization: Bearer test-token\r\nX-Gateway-Admin: 1\r\n"
    await client.send(b"POST /explain HTTP/1.1\r\n" + fields + b"Content-Length: 9\r\n\r\n{")
    assert (await client.head()).startswith(b"HTTP/1.1 408 ")


async def test_a_body_in_chunks_is_bounded_too(guarded, dial):
    gateway = await guarded()
    client = await dial(gateway.admin.address.port)
    fields = b"Host: localhost\r\nAuthorization: Bearer test-token\r\nX-Gateway-Admin: 1\r\n"
    await client.send(b"POST /log-level HTTP/1.1\r\n" + fields + b"Transfer-Encoding: chunked\r\n\r\n")
    await client.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
    await client.send(b"8001\r\n" + b"x" * 0x8001 + b"\r\n0\r\n\r\n")
    assert (await client.head()).startswith(b"HTTP/1.1 413 ")
