"""What a query says may be told, but for secrets."""

import time

import pytest

from gateway.telemetry.redaction import NAMES, Redaction


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(b"", b"", id="none"),
        pytest.param(b"?", b"?", id="an empty one"),
        pytest.param(b"?token", b"?token", id="a name alone"),
        pytest.param(b"?page=2&sort=-created", b"?page=2&sort=-created", id="nothing secret"),
        pytest.param(b"?a=1&token=s3cret&b=2", b"?a=1&token=REDACTED&b=2", id="one among others"),
        pytest.param(b"?token=s3cret&token=other", b"?token=REDACTED&token=REDACTED", id="one repeated"),
        pytest.param(b"?ToKeN=s3cret", b"?ToKeN=REDACTED", id="in capitals"),
        pytest.param(b"?%74oken=s3cret", b"?%74oken=REDACTED", id="with an escape"),
        pytest.param(b"?%2574oken=s3cret", b"?%2574oken=REDACTED", id="escaped twice"),
        pytest.param(b"?api%5Fkey=s3cret", b"?api%5Fkey=REDACTED", id="with an escaped underscore"),
        pytest.param(b"?apiKey=s3cret&api-key=s3cret", b"?apiKey=REDACTED&api-key=REDACTED", id="other ways"),
        pytest.param(b"?+token=s3cret", b"?+token=REDACTED", id="behind a space, which PHP drops"),
        pytest.param(b"?token%00=s3cret", b"?token%00=REDACTED", id="before a NUL, where C stops reading"),
        pytest.param(b"?token[]=s3cret", b"?token[]=REDACTED", id="as a list"),
        pytest.param(b"?user[password]=s3cret", b"?user[password]=REDACTED", id="as a member"),
        pytest.param(b"?user%5Bpassword%5D=s3cret", b"?user%5Bpassword%5D=REDACTED", id="an escaped member"),
        pytest.param(b"?login.password=s3cret", b"?login.password=REDACTED", id="as a member with a dot"),
        pytest.param(b"?a=1;token=s3cret;b", b"?a=1;token=REDACTED;b", id="between semicolons"),
        pytest.param(b"?a=1?token=s3cret", b"?a=1?token=REDACTED", id="behind a second question mark"),
        pytest.param(b"?token=a=b=", b"?token=REDACTED", id="with more equals signs"),
        pytest.param(b"?token==s3cret", b"?token=REDACTED", id="with two of them"),
        pytest.param(b"?token=", b"?token=REDACTED", id="an empty value, which is not told apart"),
        pytest.param(b"?&&token=s3cret&", b"?&&token=REDACTED&", id="among empty pairs"),
        pytest.param(b"?next=/a%3Fcode%3Ds3cret", b"?next=REDACTED", id="in a URL to go back to"),
        pytest.param(b"?next=/a%253Fcode%253Ds3cret", b"?next=/a%253Fcode%253Ds3cret", id="not deeper"),
        pytest.param(b"?next=/a%3Fpage%3D2", b"?next=/a%3Fpage%3D2", id="a URL without secrets"),
        pytest.param(b"?tokens=3&keyword=a&monkey=b", b"?tokens=3&keyword=a&monkey=b", id="only like one"),
        pytest.param(b"?session_state_jwt=s3cret", b"?session_state_jwt=REDACTED", id="an issuer's own name"),
        pytest.param(b"?\xff=1&token=\xff", b"?\xff=1&token=REDACTED", id="beside what is no text"),
    ],
)
def test_secrets_are_taken_out_and_the_rest_stays(query, expected):
    redact = Redaction(["Session_State_JWT"])
    assert (expected, expected) == (redact(query), redact(query))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_counts(name):
    assert f"?{name}=REDACTED".encode() == Redaction()(f"?{name}=s3cret".encode())


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(b"?" + b"a" * 8192, id="one long name"),
        pytest.param(b"?" + b"a" * 8190 + b"=", id="one long name with a value"),
        pytest.param(b"?" + b"?" * 8192 + b"a=", id="separators"),
        pytest.param(b"?" + b"=" * 8192, id="equals signs"),
        pytest.param(b"?" + b"%3D" * 2700, id="escaped equals signs"),
        pytest.param(b"?" + b"a%3D=%3D&" * 900, id="many pairs"),
        pytest.param(b"?" + b"%25" * 2700 + b"=", id="escapes of escapes"),
    ],
)
def test_no_query_takes_long(query):
    """It is looked at on the loop: what a head may hold takes milliseconds at most."""
    redact = Redaction()
    begin = time.perf_counter()
    redact(query)
    assert time.perf_counter() - begin < 0.1


def test_invented_names_fill_no_memory():
    redact = Redaction()
    for number in range(10_000):
        redact(b"?name-%d=" % number)
    redact(b"?" + b"a" * 1000 + b"=")
    assert len(redact._known) <= 4096
