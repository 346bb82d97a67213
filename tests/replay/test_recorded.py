"""Lines of the access log, and whatever else may stand between them."""

import pytest

from gateway.replay.recorded import Asked, Recorded, Unread, Word, recorded


def test_a_line_is_a_request(line):
    asked = Asked(
        *("GET", "localhost", "/bills", "192.0.2.7", "bills", "ada", ("clerk",), Word.PASSED),
        policy="",
        reason="",
        status=0,
        size=0,
    )
    assert Recorded("a" * 32, asked, "v") == recorded(line())


@pytest.mark.parametrize(
    ("members", "word"),
    [
        pytest.param({}, Word.PASSED, id="passed"),
        pytest.param({"decision": "answered", "attempts": 0}, Word.ANSWERED, id="answered"),
        pytest.param({"decision": "refused", "policy": "allow", "attempts": 0}, Word.REFUSED, id="refused"),
        pytest.param({"decision": "failed", "policy": "upstream"}, Word.PASSED, id="the service failed"),
        pytest.param(
            {"decision": "failed", "policy": "upstream", "attempts": 0}, Word.PASSED, id="no service was well"
        ),
        pytest.param({"decision": "aborted"}, Word.PASSED, id="the client left while it was answered"),
        pytest.param(
            {"decision": "refused", "policy": "limits"}, Word.REFUSED, id="too much while it passed"
        ),
        pytest.param({"decision": "refused", "policy": "wire"}, Word.PASSED, id="a body that stopped"),
    ],
)
def test_what_was_decided(line, members, word):
    assert word is recorded(line(**members)).asked.word


@pytest.mark.parametrize(
    ("members", "why"),
    [
        pytest.param({"type": "log"}, Unread.OTHER, id="the program's own log"),
        pytest.param({"type": None}, Unread.OTHER, id="JSON of something else"),
        pytest.param({"route": "_unreadable"}, Unread.UNREADABLE, id="no request"),
        pytest.param({"path": "/" + "a" * 2047}, Unread.CUT, id="a path that was cut"),
        pytest.param({"principal": "a" * 256}, Unread.CUT, id="a principal that was cut"),
        pytest.param({"roles": ["a"] * 32}, Unread.CUT, id="roles that were cut"),
        pytest.param({"decision": "aborted", "attempts": 0}, Unread.BROKEN, id="the client left"),
        pytest.param({"decision": "failed", "policy": "gateway", "attempts": 0}, Unread.BROKEN, id="failed"),
        pytest.param(
            {"decision": "refused", "policy": "wire", "attempts": 0}, Unread.BROKEN, id="a body never came"
        ),
        pytest.param({"path": 1}, Unread.TORN, id="a number for a text"),
        pytest.param({"status": "200"}, Unread.TORN, id="a text for a number"),
        pytest.param({"status": True}, Unread.TORN, id="a truth value for a number"),
        pytest.param({"roles": "clerk"}, Unread.TORN, id="a text for a list"),
        pytest.param({"roles": [1]}, Unread.TORN, id="a list of numbers"),
    ],
)
def test_why_a_line_is_not_replayed(line, members, why):
    assert why is recorded(line(**members))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", Unread.TORN, id="nothing"),
        pytest.param(b'{"type": "acc', Unread.TORN, id="a half"),
        pytest.param(b"\xff\xfe", Unread.TORN, id="no text"),
        pytest.param(b"[" * 60_000, Unread.TORN, id="nested without end"),
        pytest.param(b'{"type": "access"}', Unread.TORN, id="no members"),
        pytest.param(b"192.0.2.1 - - GET /", Unread.TORN, id="another format"),
        pytest.param(b"[1]", Unread.OTHER, id="no object"),
    ],
)
def test_nothing_that_stands_there_is_fatal(raw, why):
    assert why is recorded(raw)
