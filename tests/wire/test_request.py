"""A whole head to a Request. What must be refused stands in the rows; here is what a Request says."""

from ipaddress import ip_network

import pytest

from gateway.config.snapshot import Limits
from gateway.http.fields import Malformed
from gateway.http.forwarded import Forwarding
from gateway.http.path import PathRules
from gateway.http.reason import Reason
from gateway.wire.request import CHUNKED, Intake, RequestReader

ID = b"0123456789abcdef0123456789abcdef"


def intake(trusted: str = "10.0.0.0/8", rules: PathRules = PathRules()) -> Intake:  # noqa: B008 - it is frozen.
    limits = Limits(request_line=1024, fields=10, head=4096, body=1024, requests=10, connections=10)
    return Intake(limits, rules, Forwarding([ip_network(trusted)], "x-forwarded-for"), 8080)


def read(*lines: bytes, peer: str = "192.0.2.7", secure: bool = False, made: Intake | None = None):
    head = b"\r\n".join([lines[0], b"Host: a.test", *lines[1:], b"", b""])
    return RequestReader(made or intake(), peer, secure).head(head)


def test_a_request_says_what_its_head_said():
    request = read(b"POST /a%41?b=%41 HTTP/1.1", b"Content-Length: 5", b"Accept: */*", b"X-A: 1")
    assert (b"POST", b"a.test", b"/aA", b"?b=%41") == (
        request.method,
        request.authority,
        request.path,
        request.query,
    )
    assert [(b"Accept", b"*/*"), (b"X-A", b"1")] == request.fields
    assert b"a.test" == request.noted[b"host"]
    assert (5, "192.0.2.7", False) == (request.length, request.client, request.secure)


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        pytest.param([], 0, id="no body"),
        pytest.param([b"Content-Length: 0"], 0, id="an empty one"),
        pytest.param([b"Content-Length: 7"], 7, id="a counted one"),
        pytest.param([b"Transfer-Encoding: chunked"], CHUNKED, id="a chunked one"),
    ],
)
def test_the_length_of_a_body(lines, length):
    assert length == read(b"POST / HTTP/1.1", *lines).length


@pytest.mark.parametrize(
    ("peer", "secure", "fields", "expected"),
    [
        pytest.param(
            "192.0.2.7", False, [b"X-Forwarded-For: 1.2.3.4"], ("192.0.2.7", False), id="nobody is believed"
        ),
        pytest.param(
            "192.0.2.7", True, [b"X-Forwarded-Proto: http"], ("192.0.2.7", True), id="our TLS is believed"
        ),
        pytest.param(
            "10.0.0.1", False, [b"X-Forwarded-For: 1.2.3.4"], ("1.2.3.4", False), id="a trusted proxy is"
        ),
        pytest.param(
            "10.0.0.1",
            False,
            [b"X-Forwarded-For: 6.6.6.6", b"X-Forwarded-For: 1.2.3.4, 10.0.0.2", b"X-Forwarded-Proto: https"],
            ("1.2.3.4", True),
            id="several fields are one list, read from its end",
        ),
        pytest.param(
            "10.0.0.1", False, [b"Forwarded: for=1.2.3.4"], ("10.0.0.1", False), id="the other family is not"
        ),
    ],
)
def test_who_the_client_is(peer, secure, fields, expected):
    request = read(b"GET / HTTP/1.1", *fields, peer=peer, secure=secure)
    assert expected == (request.client, request.secure)


def test_what_the_backend_is_told_follows_the_authority():
    reader = RequestReader(intake(), "192.0.2.7", False)
    told = [
        reader.head(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host).forwarding for host in (b"a", b"a", b"b")
    ]
    assert told[0] is told[1]
    assert [(b"X-Forwarded-Host", b"a"), (b"X-Forwarded-Host", b"b")] == [
        field for block in told[1:] for field in block.fields if field[0] == b"X-Forwarded-Host"
    ]


@pytest.mark.parametrize(
    ("peer", "sent", "kept"),
    [
        pytest.param("10.0.0.1", ID, True, id="a trusted proxy's"),
        pytest.param("192.0.2.7", ID, False, id="a client's"),
        pytest.param("10.0.0.1", ID.upper(), False, id="in capitals"),
        pytest.param("10.0.0.1", ID + b"0", False, id="too long"),
        pytest.param("10.0.0.1", b"../../../../../../../etc/passwd1", False, id="no id"),
    ],
)
def test_a_request_id_is_kept_from_who_is_trusted(peer, sent, kept):
    assert kept == (b"x-request-id" in read(b"GET / HTTP/1.1", b"X-Request-Id: " + sent, peer=peer).noted)


@pytest.mark.parametrize(
    ("rules", "target", "path"),
    [
        pytest.param(PathRules(slashes="merge"), b"/a//b", b"/a/b", id="slashes merge"),
        pytest.param(PathRules(semicolon="allow"), b"/a;b", b"/a;b", id="a semicolon passes"),
        pytest.param(PathRules(encoded_slash="allow"), b"/a%2fb", b"/a%2Fb", id="an escaped slash passes"),
    ],
)
def test_a_listener_may_allow_more(rules, target, path):
    assert path == read(b"GET " + target + b" HTTP/1.1", made=intake(rules=rules)).path


def test_authorities_are_learned_within_bounds():
    made = intake()
    for number in range(5000):
        made.learn_authority(b"%d.test" % number)
    assert len(made.authorities) <= 4096
    with pytest.raises(Malformed) as refusal:
        made.learn_authority(b"a b")
    assert Reason.HOST == refusal.value.reason
    assert b"a b" not in made.authorities


def test_a_refused_authority_is_refused_again():
    made = intake()
    for _ in range(2):
        with pytest.raises(Malformed):
            RequestReader(made, "192.0.2.7", False).head(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")


@pytest.mark.parametrize(
    ("sent", "http11"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True, id="1.1"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", True, id="1.1 that closes"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", False, id="1.0"),
        pytest.param(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False, id="1.0 that stays"),
    ],
)
def test_the_version(sent, http11):
    reader = RequestReader(intake(), "192.0.2.7", False)
    reader.head(sent)
    assert http11 == reader.http11
