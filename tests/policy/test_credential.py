import pytest

from gateway.policy import Reason
from gateway.policy.credential import Anywhere, Authorization, Cookie, Field, Parameter, Refused, check_token

AUTHORIZATION = Authorization()
CUSTOM = Field(b"x-token")
COOKIE = Cookie(b"session")
QUERY = Parameter(b"access_token")


@pytest.fixture
def request_with(exchange):
    return lambda *fields, query=b"": exchange(fields=fields, query=query).request


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param((b"Authorization", b"Bearer abc"), b"abc", id="as it is meant"),
        pytest.param((b"AUTHORIZATION", b"bEARER abc"), b"abc", id="in any case"),
        pytest.param((b"Authorization", b"Bearer   abc"), b"abc", id="several blanks"),
        pytest.param((b"Authorization", b"Basic abc"), None, id="another scheme"),
        pytest.param((b"Authorization", b"Bearerabc"), None, id="a scheme that begins like it"),
        pytest.param((b"Authorization", b"abc"), None, id="no scheme"),
        pytest.param((b"Authorization", b""), None, id="nothing in it"),
        pytest.param((b"X-Token", b"abc"), None, id="another field"),
        pytest.param((b"Authorization", b"Bearer a, Bearer b"), b"a, Bearer b", id="two in one"),
    ],
)
def test_authorization_has_a_bearer_token(request_with, field, expected):
    assert expected == AUTHORIZATION.find(request_with(field))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([(b"X-Token", b"abc")], b"abc", id="the token alone"),
        pytest.param([(b"x-token", b"Bearer abc")], b"abc", id="with its scheme"),
        pytest.param([(b"X_Token", b"abc")], None, id="a spelling that a backend may take for it"),
        pytest.param([(b"X-Token", b"a"), (b"X-Token", b"b")], b"a, b", id="two are no token"),
        pytest.param([(b"X-Token", b"a"), (b"Connection", b"x-token")], None, id="named in Connection"),
        pytest.param([(b"Authorization", b"Bearer abc")], None, id="another field"),
    ],
)
def test_another_field_has_the_token_alone(request_with, fields, expected):
    assert expected == CUSTOM.find(request_with(*fields))


def test_a_scheme_without_a_token_is_refused(request_with):
    with pytest.raises(Refused) as refused:
        AUTHORIZATION.find(request_with((b"Authorization", b"Bearer ")))
    assert Reason.MALFORMED_CREDENTIALS is refused.value.reason


@pytest.mark.parametrize(
    ("cookies", "expected", "left"),
    [
        pytest.param([b"session=abc"], b"abc", [], id="alone"),
        pytest.param([b"a=1; session=abc; b=2"], b"abc", [b"Cookie: a=1; b=2"], id="among others"),
        pytest.param([b"a=1", b"session=abc"], b"abc", [b"Cookie: a=1"], id="in a field of its own"),
        pytest.param([b"session=a;session=a"], b"a", [], id="twice the same"),
        pytest.param([b" session =abc"], b"abc", [], id="blanks around it"),
        pytest.param([b"session"], b"", [], id="without a value"),
        pytest.param([b"SESSION=abc"], None, [b"Cookie: SESSION=abc"], id="in another case"),
        pytest.param(
            [b"xsession=a; b=session=c"], None, [b"Cookie: xsession=a; b=session=c"], id="of others"
        ),
    ],
)
def test_a_cookie_is_found_and_cut(request_with, cookies, expected, left):
    request = request_with((b"Accept", b"*/*"), *((b"Cookie", cookie) for cookie in cookies))
    assert expected == COOKIE.find(request)
    COOKIE.cut(request)
    assert [b"Accept: */*", *left] == request.lines


@pytest.mark.parametrize(
    ("query", "expected", "left"),
    [
        pytest.param(b"", None, b"", id="no query"),
        pytest.param(b"?", None, b"?", id="an empty one"),
        pytest.param(b"?access_token=abc", b"abc", b"", id="alone"),
        pytest.param(b"?a=1&access_token=abc&b=%20", b"abc", b"?a=1&b=%20", id="among others"),
        pytest.param(b"?access%5Ftoken=a%62c", b"abc", b"", id="escaped"),
        pytest.param(b"?access_token=a&access_token=a", b"a", b"", id="twice the same"),
        pytest.param(b"?access_token", b"", b"", id="without a value"),
        pytest.param(b"?Access_Token=a", None, b"?Access_Token=a", id="in another case"),
        pytest.param(b"?a=access_token=b&&", None, b"?a=access_token=b&&", id="in a value"),
    ],
)
def test_a_parameter_is_found_and_cut(request_with, query, expected, left):
    request = request_with(query=query)
    assert expected == QUERY.find(request)
    QUERY.cut(request)
    assert left == request.query


@pytest.mark.parametrize(
    ("authorization", "cookie", "query", "expected"),
    [
        pytest.param(b"", b"", b"", None, id="nowhere"),
        pytest.param(b"", b"session=a", b"", b"a", id="in one place"),
        pytest.param(b"Bearer a", b"session=a", b"?access_token=a", b"a", id="the same in all"),
        pytest.param(b"Bearer a", b"session=b", b"", Reason.AMBIGUOUS_CREDENTIALS, id="two that differ"),
        pytest.param(b"", b"session=", b"?access_token=b", Reason.AMBIGUOUS_CREDENTIALS, id="one is empty"),
        pytest.param(b"", b"session=a;session=b", b"", Reason.AMBIGUOUS_CREDENTIALS, id="in the same cookie"),
        pytest.param(
            *(b"", b"", b"?access_token=a&access_token=b"),
            Reason.AMBIGUOUS_CREDENTIALS,
            id="in the same query",
        ),
    ],
)
def test_there_is_one_credential_or_none(request_with, authorization, cookie, query, expected):
    fields = [(b"Authorization", authorization), (b"Cookie", cookie)]
    request = request_with(*[field for field in fields if field[1]], query=query)
    try:
        found = Anywhere([AUTHORIZATION, COOKIE, QUERY]).find(request)
    except Refused as refused:
        found = refused.reason
    assert expected == found


@pytest.mark.parametrize("text", [b"", b"a b", b"a,b", b"a\xff", b"=", b"a=b", b'"a"', b"a;b", b"a\n"])
def test_what_is_not_spelled_like_a_token_is_refused(text):
    with pytest.raises(Refused) as refused:
        check_token(text)
    assert Reason.MALFORMED_CREDENTIALS is refused.value.reason


@pytest.mark.parametrize("text", [b"a", b"a.b-c_d~e+f/g==", b"0"])
def test_what_is_spelled_like_a_token_passes(text):
    check_token(text)
