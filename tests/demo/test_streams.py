"""The answer that streams and the chat, as a client hears them."""

import asyncio
import json

import pytest
from aiohttp import WSCloseCode, WSMsgType, web

from gateway.demo.collection import Collection
from gateway.demo.streams import Answer, Chat


@pytest.fixture
async def tutor(aiohttp_client):
    app = web.Application()
    sessions = Collection("session", {"topic": "topic-1"})
    app.router.add_get("/sessions/{session}/answer", Answer(sessions, interval=0.01).stream)
    return await aiohttp_client(app)


@pytest.fixture
async def family(aiohttp_client):
    app = web.Application()
    chat = Chat(Collection("persona", {"name": "Themba", "greeting": "Sharp!", "habit": "Nice one!"}))
    app.router.add_get("/chat", chat.talk)
    app.on_shutdown.append(chat.close)
    return await aiohttp_client(app)


async def test_answer_is_told_word_by_word(tutor):
    """Numbered `token` events, then one `done` with their number."""
    response = await tutor.get("/sessions/session-1/answer")
    assert "text/event-stream" == response.content_type
    *told, done = [event.split("\n") for event in (await response.text()).rstrip().split("\n\n")]
    words = [json.loads(event[2].removeprefix("data: "))["token"] for event in told]
    assert [["event: token", f"id: {number + 1}"] for number in range(len(words))] == [e[:2] for e in told]
    assert ["event: done", f"id: {len(words) + 1}", f'data: {{"tokens": {len(words)}}}'] == done
    assert "A fraction is" == " ".join(words[:3])


async def test_answer_in_no_session_is_404(tutor):
    """Refused before the stream begins."""
    assert 404 == (await tutor.get("/sessions/session-9/answer")).status


async def test_chat_greets_and_answers(family):
    """One answer to each text message."""
    async with family.ws_connect("/chat?persona=persona-1") as chat:
        greeting = await chat.receive_json()
        await chat.send_str("I built a kite")
        answer = await chat.receive_json()
    assert {"persona": "Themba", "text": "Sharp!"} == greeting
    assert {"persona": "Themba", "text": "Nice one! you say 'I built a kite'."} == answer


async def test_chat_with_nobody_is_404(family):
    """Refused before the handshake."""
    assert 404 == (await family.get("/chat?persona=persona-9")).status


async def test_chat_refuses_a_long_message(family):
    """RFC 6455 7.4.1: 1009, a message too big to take."""
    async with family.ws_connect("/chat") as chat:
        await chat.receive()
        await chat.send_str("x" * 5000)
        message = await chat.receive()
    assert (WSMsgType.CLOSE, WSCloseCode.MESSAGE_TOO_BIG) == (message.type, message.data)


async def test_open_chats_end_with_the_service(family):
    """RFC 6455 7.4.1: 1001, the service goes away."""
    async with family.ws_connect("/chat") as chat:
        await chat.receive()
        stopping = asyncio.create_task(family.server.close())
        message = await chat.receive()
        await stopping
    assert (WSMsgType.CLOSE, WSCloseCode.GOING_AWAY) == (message.type, message.data)
