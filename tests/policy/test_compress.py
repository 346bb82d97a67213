"""Which responses are compressed, and what that does to their fields."""

import pytest

from gateway.http.edits import Block
from gateway.http.request import Request
from gateway.http.response import Response
from gateway.policy import Exchange, Policy
from gateway.policy.compress import Compress, encoded, is_worthwhile, revalidated

SOURCE = "policies/azora-education.yaml:5"


def asked(method=b"GET", lines=(), **noted):
    fields = {name.replace("_", "-").encode(): value for name, value in noted.items()}
    return Request(method, b"a.example", b"/", b"", list(lines), fields, 0, "192.0.2.1", False, Block(()))


def answered(status=200, length=5000, content_type=b"application/json", **noted):
    fields = {name.replace("_", "-").encode(): value for name, value in noted.items()}
    if content_type is not None:
        fields[b"content-type"] = content_type
    return Response(status, [], fields, length, 0)


@pytest.mark.parametrize(
    ("response", "worthwhile"),
    [
        pytest.param({}, True, id="JSON"),
        # Length.
        pytest.param({"length": 1024}, True, id="just long enough"),
        pytest.param({"length": 1023}, False, id="one byte too short"),
        pytest.param({"length": 0}, False, id="nothing"),
        pytest.param({"length": -1}, True, id="as long as it will be"),
        pytest.param({"length": 1 << 40}, True, id="a terabyte"),
        # Status.
        pytest.param({"status": 201}, True, id="201"),
        pytest.param({"status": 204, "length": -1}, False, id="204"),
        pytest.param({"status": 205, "length": -1}, False, id="205"),
        pytest.param({"status": 206}, False, id="206"),
        pytest.param({"status": 304}, False, id="304"),
        pytest.param({"status": 302}, True, id="a redirect with a long page"),
        pytest.param({"status": 404}, True, id="404"),
        pytest.param({"status": 500}, True, id="500"),
        # Fields.
        pytest.param({"content_encoding": b"gzip"}, False, id="encoded already"),
        pytest.param({"content_encoding": b"identity"}, False, id="encoded by name only"),
        pytest.param({"content_encoding": b""}, False, id="encoded by nothing"),
        pytest.param({"content_encoding": b"aes128gcm"}, False, id="encoded in another way"),
        pytest.param({"content_range": b"bytes 0-4999/10000"}, False, id="a part"),
        pytest.param({"cache_control": b"no-transform"}, False, id="no-transform"),
        pytest.param(
            {"cache_control": b"public, No-Transform, max-age=1"}, False, id="no-transform among others"
        ),
        pytest.param({"cache_control": b"no-store"}, True, id="no-store"),
        pytest.param({"etag": b'"a"'}, True, id="a strong ETag"),
        # Media types.
        pytest.param({"content_type": b"text/plain"}, True, id="text"),
        pytest.param({"content_type": b"text/html; charset=utf-8"}, True, id="a page"),
        pytest.param({"content_type": b"TEXT/CSS"}, True, id="media types have no case"),
        pytest.param({"content_type": b"application/json ; charset=utf-8"}, True, id="a parameter"),
        pytest.param({"content_type": b"application/problem+json"}, True, id="+json"),
        pytest.param({"content_type": b"image/svg+xml"}, True, id="+xml"),
        pytest.param({"content_type": b"application/javascript"}, True, id="a script"),
        pytest.param({"content_type": b"application/x-ndjson"}, True, id="lines of JSON"),
        pytest.param({"content_type": b"application/wasm"}, True, id="WebAssembly"),
        pytest.param({"content_type": b"text/event-stream"}, False, id="events"),
        pytest.param(
            {"content_type": b"Text/Event-Stream; charset=utf-8"}, False, id="events with a parameter"
        ),
        pytest.param({"content_type": b"application/grpc"}, False, id="gRPC"),
        pytest.param({"content_type": b"application/grpc+json"}, False, id="gRPC that looks like JSON"),
        pytest.param({"content_type": b"application/grpc-web+json"}, False, id="gRPC for the web"),
        pytest.param({"content_type": b"image/png"}, False, id="a picture"),
        pytest.param({"content_type": b"video/mp4"}, False, id="a film"),
        pytest.param({"content_type": b"application/zip"}, False, id="an archive"),
        pytest.param({"content_type": b"font/woff2"}, False, id="a font that is compressed"),
        pytest.param({"content_type": b"application/octet-stream"}, False, id="bytes"),
        pytest.param({"content_type": b"multipart/x-mixed-replace"}, False, id="parts"),
        pytest.param({"content_type": b"text"}, False, id="half a type"),
        pytest.param({"content_type": b"application/json, text/html"}, False, id="two types"),
        pytest.param({"content_type": b""}, False, id="an empty type"),
        pytest.param({"content_type": None}, False, id="no type"),
    ],
)
def test_a_response_is_worth_it_or_not(response, worthwhile):
    assert worthwhile == is_worthwhile(asked(), answered(**response))


@pytest.mark.parametrize(
    ("request_", "media", "worthwhile"),
    [
        pytest.param(asked(cookie=b"a=b"), b"text/html", False, id="a page for who has a cookie"),
        pytest.param(asked(authorization=b"Bearer a"), b"text/html", False, id="a page for who has a token"),
        pytest.param(asked(cookie=b""), b"text/html", False, id="a page for who has an empty cookie"),
        pytest.param(asked(cookie=b"a=b"), b"Text/HTML;charset=utf-8", False, id="in another spelling"),
        pytest.param(asked(cookie=b"a=b"), b"application/xhtml+xml", False, id="a page by its other name"),
        pytest.param(asked(cookie=b"a=b"), b"application/json", True, id="data for who has a cookie"),
        pytest.param(asked(), b"text/html", True, id="a page for everybody"),
        pytest.param(asked(b"HEAD"), b"application/json", False, id="a head alone"),
        pytest.param(asked(b"POST"), b"application/json", True, id="the answer to a POST"),
    ],
)
def test_a_page_with_a_secret_stays_as_it_is(request_, media, worthwhile):
    """BREACH: who can choose a part of a compressed page learns the rest from its size."""
    assert worthwhile == is_worthwhile(request_, answered(content_type=media))


def sending(value):
    lines = [b"Accept: */*"] if value is None else [b"Accept: */*", b"Accept-Encoding: " + value]
    return Exchange(asked(lines=lines), b"0" * 32, ())


@pytest.mark.parametrize(
    ("value", "coding", "told"),
    [
        pytest.param(b"gzip, deflate, br, zstd", b"zstd", b"zstd, br, gzip", id="narrowed to what we know"),
        pytest.param(b"gzip", b"gzip", None, id="already narrow"),
        pytest.param(b"deflate", None, b"identity", id="nothing that we know"),
        pytest.param(b"", None, b"identity", id="nothing at all"),
        pytest.param(None, None, None, id="not sent"),
    ],
)
def test_the_backend_is_told_what_can_pass(value, coding, told):
    exchange = sending(value)
    assert Compress((), SOURCE)(exchange) is None
    expected = ((), ()) if told is None else ((b"accept-encoding",), ((b"Accept-Encoding", told),))
    assert (coding, *expected) == (exchange.coding, exchange.hidden, exchange.upstream_fields)


def test_several_lines_are_one_list():
    exchange = Exchange(asked(lines=[b"accept-encoding: br;q=0.1", b"ACCEPT-encoding:gzip"]), b"0" * 32, ())
    Compress((), SOURCE)(exchange)
    assert b"gzip" == exchange.coding


def test_what_the_route_says_of_the_field_stands():
    exchange = sending(b"gzip, deflate")
    Compress(frozenset([b"accept-encoding"]), SOURCE)(exchange)
    assert (b"gzip", (), ()) == (exchange.coding, exchange.hidden, exchange.upstream_fields)


def test_clients_with_many_wishes_fill_no_memory():
    policy = Compress((), SOURCE)
    for number in range(3000):
        policy(sending(b"gzip, a%d" % number))
        policy(sending(b"gzip, " + b"b" * 200 + b"%d" % number))
    assert len(policy._accepted) <= 1024


def test_it_is_a_policy():
    policy: Policy = Compress((), SOURCE)
    assert ("compress", SOURCE) == (policy.name, policy.source)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b'ETag: "a"', [b'ETag: W/"a"'], id="a strong ETag becomes weak"),
        pytest.param(b'etag:"a"', [b'etag: W/"a"'], id="in any spelling"),
        pytest.param(b'ETag: W/"a"', [b'ETag: W/"a"'], id="a weak one stays"),
        pytest.param(b"ETag: a", [b"ETag: a"], id="one without quotes is none"),
        pytest.param(b"Accept-Ranges: bytes", [], id="no ranges of it"),
        pytest.param(b"Content-MD5: Q2hlY2s=", [], id="a digest of other bytes"),
        pytest.param(b"Digest: sha-256=abc", [], id="a digest of the old kind"),
        pytest.param(b"Content-Digest: sha-256=:abc:", [], id="a digest of the content"),
        pytest.param(b"REPR-DIGEST: sha-256=:abc:", [], id="a digest of the representation"),
        pytest.param(b"Set-Cookie: a=b", [b"Set-Cookie: a=b"], id="everything else stays"),
        pytest.param(b"X-Digest: a", [b"X-Digest: a"], id="a name that only ends so"),
    ],
)
def test_fields_that_speak_of_the_bytes_are_changed(line, expected):
    added = b"Content-Encoding: br\r\nAccept-Ranges: none"
    assert [b"X-A: 1", *expected, b"X-B: 2", added] == encoded([b"X-A: 1", line, b"X-B: 2"], b"br")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(b'W/"a"', b'ETag: W/"a"', id="the weak one that we made"),
        pytest.param(b'"a"', b'ETag: "a"', id="the strong one of before"),
        pytest.param(b'"b", W/"a", W/"c"', b'ETag: W/"a"', id="among others"),
        pytest.param(b'W/"a", "a"', b'ETag: "a"', id="both"),
        pytest.param(b'W/"b"', b'ETag: "a"', id="another one"),
        pytest.param(b"*", b'ETag: "a"', id="any"),
        pytest.param(None, b'ETag: "a"', id="none was sent"),
    ],
)
def test_a_304_has_the_etag_that_the_client_knows(known, expected):
    lines = [] if known is None else [b"If-None-Match: " + known]
    assert [b"X-A: 1", expected] == revalidated([b"X-A: 1", b'ETag: "a"'], asked(lines=lines))
