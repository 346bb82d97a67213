"""What kind of a request it is."""

import pytest

from gateway.http.edits import Block
from gateway.http.request import Request, is_preflight, is_websocket


def request(method: bytes, **noted: bytes) -> Request:
    names = {name.replace("_", "-").encode(): value for name, value in noted.items()}
    return Request(method, b"a.example", b"/", b"", [], names, 0, "192.0.2.1", False, Block(()))


@pytest.mark.parametrize(
    ("method", "noted", "expected"),
    [
        pytest.param(b"GET", {"upgrade": b"websocket"}, True, id="the handshake"),
        pytest.param(b"GET", {"upgrade": b"WebSocket"}, True, id="in another case"),
        pytest.param(b"GET", {"upgrade": b"h2c"}, False, id="another protocol"),
        pytest.param(b"GET", {"upgrade": b"websocket, h2c"}, False, id="a choice"),
        pytest.param(b"GET", {}, False, id="no upgrade"),
        pytest.param(b"POST", {"upgrade": b"websocket"}, False, id="another method"),
    ],
)
def test_handshake_is_recognised(method, noted, expected):
    assert expected == is_websocket(request(method, **noted))


ORIGIN = {"origin": b"https://app.example"}
METHOD = {"access_control_request_method": b"PUT"}


@pytest.mark.parametrize(
    ("method", "noted", "expected"),
    [
        pytest.param(b"OPTIONS", ORIGIN | METHOD, True, id="the question of a browser"),
        pytest.param(b"OPTIONS", {"origin": b"", "access_control_request_method": b""}, True, id="a bad one"),
        pytest.param(b"OPTIONS", ORIGIN, False, id="it asks for no method"),
        pytest.param(b"OPTIONS", METHOD, False, id="nobody asks"),
        pytest.param(b"OPTIONS", {}, False, id="a plain OPTIONS"),
        pytest.param(b"GET", ORIGIN | METHOD, False, id="another method"),
        pytest.param(b"options", ORIGIN | METHOD, False, id="methods have a case"),
    ],
)
def test_preflight_is_recognised(method, noted, expected):
    assert expected is is_preflight(request(method, **noted))
