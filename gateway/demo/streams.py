"""What outlives a request and its response: an answer told token by token, and a chat over a WebSocket.

Both are bounded: the answer ends, and a message of the chat is small.
"""

import asyncio
import json
from contextlib import suppress
from typing import final
from weakref import WeakSet

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.demo.collection import Collection, Item

_ANSWER = (
    "A fraction is a part of a whole: cut a loaf into four, take three, and you hold three quarters of it. "
    "Now try one yourself."
)
_MESSAGE_AT_MOST = 4096
_SECONDS_TO_CLOSE = 1.0


@final
class Answer:
    """A tutor's answer as server-sent events: one `token` event a word, then `done`.

    `interval` is the time between two events in seconds.
    """

    __slots__ = ("_interval", "_sessions")

    def __init__(self, sessions: Collection, interval: float) -> None:
        self._sessions = sessions
        self._interval = interval

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """The answer in the session named in the path."""
        self._sessions.find(request.match_info["session"])
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type = "text/event-stream"
        await response.prepare(request)
        # A client that leaves in the middle is no failure.
        with suppress(ConnectionResetError):
            await self._tell(response)
        return response

    async def _tell(self, response: web.StreamResponse) -> None:
        tokens = _ANSWER.split()
        for number, token in enumerate(tokens, start=1):
            await response.write(_event("token", number, {"token": token}))
            await asyncio.sleep(self._interval)
        await response.write(_event("done", len(tokens) + 1, {"tokens": len(tokens)}))


def _event(name: str, number: int, data: dict[str, object]) -> bytes:
    return f"event: {name}\nid: {number}\ndata: {json.dumps(data)}\n\n".encode()


@final
class Chat:
    """A talk with the persona named in `?persona=`: a greeting, then an answer to each text message.

    `close` belongs to the application's shutdown: it tells every open chat that the service goes away.
    """

    __slots__ = ("_open", "_personas")

    def __init__(self, personas: Collection) -> None:
        self._personas = personas
        self._open: WeakSet[web.WebSocketResponse] = WeakSet()

    async def talk(self, request: web.Request) -> web.StreamResponse:
        """One chat, until either side closes it."""
        persona = self._personas.find(request.query.get("persona", "persona-1"))
        socket = web.WebSocketResponse(timeout=_SECONDS_TO_CLOSE, max_msg_size=_MESSAGE_AT_MOST)
        await socket.prepare(request)
        self._open.add(socket)
        with suppress(ConnectionResetError):
            await _converse(socket, persona)
        return socket

    async def close(self, app: web.Application) -> None:
        """Close every open chat with 1001 (RFC 6455 7.4.1, going away)."""
        async with asyncio.TaskGroup() as closing:
            for socket in tuple(self._open):
                closing.create_task(socket.close(code=WSCloseCode.GOING_AWAY))


async def _converse(socket: web.WebSocketResponse, persona: Item) -> None:
    await socket.send_json({"persona": persona["name"], "text": persona["greeting"]})
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            text = f"{persona['habit']} you say {message.data!r}."
            await socket.send_json({"persona": persona["name"], "text": text})
