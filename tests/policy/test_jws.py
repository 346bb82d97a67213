import pytest

from gateway.http.reason import Reason
from gateway.policy.credential import Refused
from gateway.policy.jws import Signed, decoded, encoded, read

HEADER = b'{"alg":"RS256","kid":"a","typ":"AT+JWT"}'


def token(header=HEADER, payload=b"{}", signature=b"abc"):
    return b".".join(map(encoded, (header, payload, signature)))


def test_a_token_has_three_parts():
    whole = token()
    assert Signed("RS256", "a", "at+jwt", b"{}", whole.rpartition(b".")[0], b"abc") == read(whole)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"..", id="three empty parts"),
        pytest.param(token().rpartition(b".")[0], id="no signature"),
        pytest.param(token() + b".", id="four parts"),
        pytest.param(b".".join([token(), b"YQ", b"YQ"]), id="five: an encrypted token"),
        pytest.param(token() + b"=", id="padding"),
        pytest.param(token() + b"\n", id="a line feed behind it"),
        pytest.param(token(signature=b"\xff\xff\xff").replace(b"____", b"////"), id="plain base64"),
        pytest.param(b" " + token(), id="a blank"),
        pytest.param(token(signature=b"a").replace(b".YQ", b".YR"), id="bits that stand for nothing"),
        pytest.param(token() + b"Y", id="a character that is no byte"),
        pytest.param(token(b"[]"), id="a header that is no object"),
        pytest.param(token(b'{"alg":"RS256","alg":"none"}'), id="a member twice"),
        pytest.param(token(b'{"kid":"a"}'), id="no algorithm"),
        pytest.param(token(b'{"alg":1}'), id="an algorithm that is no text"),
        pytest.param(token(b'{"alg":["RS256"]}'), id="a list of algorithms"),
        pytest.param(token(b'{"alg":"RS256","kid":null}'), id="a kid that is nothing"),
        pytest.param(token(b'{"alg":"RS256","kid":{"a":1}}'), id="a kid that is an object"),
        pytest.param(token(b'{"alg":"RS256","kid":"%b"}' % (b"a" * 300)), id="a kid without measure"),
        pytest.param(token(b'{"alg":"RS256","typ":1}'), id="a type that is no text"),
        pytest.param(
            token(b'{"alg":"RS256","crit":["x"],"x":1}'), id="an extension that has to be understood"
        ),
        pytest.param(token(b'{"alg":"RS256","crit":[]}'), id="an empty list of those"),
        pytest.param(token(b'{"alg":"RS256","b64":false}'), id="a payload that is not encoded"),
        pytest.param(token(payload=b"a" * 13_000), id="longer than 16 KiB"),
        pytest.param(b"." * 16_000, id="points"),
        pytest.param(token(b'{"a":' * 3000), id="a deep header"),
    ],
)
def test_what_is_no_token_is_refused(text):
    with pytest.raises(Refused) as refused:
        read(text)
    assert Reason.INVALID_TOKEN is refused.value.reason
    assert "invalid_token" == str(refused.value)


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", b"\xff\xfe\xfd"])
def test_base64url_has_one_spelling(raw):
    assert raw == decoded(encoded(raw))
