import pytest

from gateway.rehearsal import Draft
from gateway.rehearsal.draft import split_url


@pytest.mark.parametrize(
    ("draft", "lines"),
    [
        pytest.param(Draft(), ["GET / HTTP/1.1", "Host: localhost"], id="the least"),
        pytest.param(
            Draft(fields=(("host", "a.example"),)),
            ["GET / HTTP/1.1", "host: a.example"],
            id="a Host of its own is the only one",
        ),
        pytest.param(
            Draft("POST", "/a", body=b"hi"),
            ["POST /a HTTP/1.1", "Host: localhost", "Content-Length: 2"],
            id="a body says how long it is",
        ),
        pytest.param(
            Draft("POST", "/a", fields=(("Transfer-Encoding", "chunked"),), body=b"hi"),
            ["POST /a HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked"],
            id="unless the fields do",
        ),
        pytest.param(
            Draft(fields=(("X", "1"), ("X", "2"))),
            ["GET / HTTP/1.1", "Host: localhost", "X: 1", "X: 2"],
            id="repeated fields stay, in order",
        ),
        pytest.param(
            Draft(target="/a b/../#c"),
            ["GET /a b/../#c HTTP/1.1", "Host: localhost"],
            id="a target is not repaired",
        ),
    ],
)
def test_head_is_what_would_be_sent(draft, lines):
    assert "\r\n".join([*lines, "", ""]).encode() == draft.head


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param(Draft(fields=(("X", "1\r\nY: 2"),)), id="in a value"),
        pytest.param(Draft(fields=(("X\n", "1"),)), id="in a name"),
        pytest.param(Draft(target="/ HTTP/1.1\r\nHost: b"), id="in the target"),
    ],
)
def test_line_break_would_make_it_another_request(draft):
    with pytest.raises(ValueError, match="expected no line break"):
        _ = draft.head


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("/a?b#c", (False, "localhost", "/a?b#c"), id="a path"),
        pytest.param("*", (False, "localhost", "*"), id="neither"),
        pytest.param("http://a.example:8080/a//b", (False, "a.example:8080", "/a//b"), id="a URL"),
        pytest.param("HTTPS://a.example", (True, "a.example", "/"), id="without a path"),
        pytest.param("https://a.example?b", (True, "a.example", "/?b"), id="without a path, with a query"),
    ],
)
def test_url_is_cut_and_not_read(url, expected):
    assert expected == split_url(url)
