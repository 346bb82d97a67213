from functools import partial

import pytest

from gateway.http.edits import Edits
from gateway.http.trailers import announced, may_trail, passing, wants_trailers

TABLE = Edits(
    set=[(b"X-Set", b"1")], default=[(b"X-Default", b"1")], remove=[b"X-Removed", b"X-Internal-*"]
).table
OWN = {b"ratelimit"}


@pytest.mark.parametrize(
    ("te", "wanted"),
    [
        pytest.param(b"trailers", True, id="alone"),
        pytest.param(b"Trailers", True, id="in another case"),
        pytest.param(b"gzip;q=0.5 ,\ttrailers", True, id="in a list"),
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"gzip", False, id="a coding"),
        pytest.param(b"trailers;q=0", False, id="a weight, which trailers have not"),
        pytest.param(b"xtrailers", False, id="what only ends alike"),
    ],
)
def test_who_wants_trailers(te, wanted):
    assert wanted == wants_trailers(te)


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        pytest.param(b"X-Checksum", True, id="what the head knows nothing of"),
        pytest.param(b"Grpc-Status", True, id="gRPC"),
        pytest.param(b"Server-Timing", True, id="timing"),
        pytest.param(b"Repr-Digest", True, id="a digest"),
        pytest.param(b"Content-Length", False, id="a length"),
        pytest.param(b"transfer-encoding", False, id="a coding"),
        pytest.param(b"Content-Type", False, id="what the content is"),
        pytest.param(b"Content-Security-Policy", False, id="what the content may do"),
        pytest.param(b"Trailer", False, id="Trailer"),
        pytest.param(b"TE", False, id="TE"),
        pytest.param(b"Upgrade", False, id="Upgrade"),
        pytest.param(b"Connection", False, id="Connection"),
        pytest.param(b"Keep-Alive", False, id="hop by hop"),
        pytest.param(b"Via", False, id="Via"),
        pytest.param(b"X-Request-Id", False, id="the request's id"),
        pytest.param(b"Host", False, id="routing"),
        pytest.param(b"Location", False, id="a redirect"),
        pytest.param(b"Refresh", False, id="a redirect of browsers"),
        pytest.param(b"Set-Cookie", False, id="a cookie"),
        pytest.param(b"SET-COOKIE", False, id="a cookie in capitals"),
        pytest.param(b"Authorization", False, id="credentials"),
        pytest.param(b"WWW-Authenticate", False, id="a challenge"),
        pytest.param(b"Proxy-Status", False, id="a proxy's word"),
        pytest.param(b"X-Auth-Subject", False, id="an identity"),
        pytest.param(b"Cache-Control", False, id="caches"),
        pytest.param(b"Vary", False, id="variants"),
        pytest.param(b"Date", False, id="the date"),
        pytest.param(b"If-Match", False, id="a condition"),
        pytest.param(b"Access-Control-Allow-Origin", False, id="CORS"),
        pytest.param(b"Strict-Transport-Security", False, id="security"),
        pytest.param(b"x-set", False, id="what the route sets"),
        pytest.param(b"X-Default", False, id="what the route has a default for"),
        pytest.param(b"X-Removed", False, id="what the route removes"),
        pytest.param(b"X-Internal-Place", False, id="what it removes by prefix"),
        pytest.param(b"RateLimit", False, id="what a policy has added"),
    ],
)
def test_what_may_stand_behind_a_body(name, passes):
    assert passes == may_trail(name, TABLE, OWN)


pass_ = partial(passing, table=TABLE, own=OWN)


def test_lines_pass_in_their_order():
    assert b"X-B: 1\r\nX-A: 2\r\nX-B: 3\r\n" == pass_([b"X-B: 1", b"Set-Cookie: a=1", b"X-A: 2", b"X-B: 3"])


@pytest.mark.parametrize(
    ("lines", "passes"),
    [
        pytest.param([], False, id="none"),
        pytest.param([b"X-A: 1"] * 32, True, id="as many as may be"),
        pytest.param([b"X-A: 1"] * 33, False, id="one too many"),
        pytest.param([b"X-A: " + b"a" * 8187], True, id="as large as may be"),
        pytest.param([b"X-A: " + b"a" * 8188], False, id="a byte too large"),
    ],
)
def test_section_passes_whole_or_not_at_all(lines, passes):
    assert passes == (pass_(lines) != b"")


@pytest.mark.parametrize(
    ("trailer", "told"),
    [
        pytest.param(b"X-Sum", b"X-Sum", id="one"),
        pytest.param(b"X-Sum, Set-Cookie ,\tX-End", b"X-Sum, X-End", id="only those that pass"),
        pytest.param(b"Set-Cookie", b"", id="none of them"),
        pytest.param(b" ,, ", b"", id="nothing"),
    ],
)
def test_what_is_announced(trailer, told):
    assert told == announced(trailer, TABLE, OWN)
