import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from gateway.http import fields
from gateway.http.fields import (
    REQUEST_FIELDS,
    RESPONSE_RULES,
    Field,
    FieldTable,
    Malformed,
    field_of,
)
from gateway.http.reason import Reason

RESPONSE_FIELDS = FieldTable(RESPONSE_RULES)
TABLES = [pytest.param(REQUEST_FIELDS, id="requests"), pytest.param(RESPONSE_FIELDS, id="responses")]
HOP_BY_HOP = (
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer "
    b"transfer-encoding upgrade http2-settings"
)

IDENTITY_SPELLINGS = (
    b"X-Auth-Subject x-auth-subject X-AUTH-SUBJECT x-AuTh-SuBjEcT X_Auth_Subject x_auth_subject "
    b"X-Auth_Subject X_AUTH-SUBJECT X.Auth.Subject x.auth-subject X-Auth.Subject X!Auth!Subject "
    b"X~Auth~Subject X-Auth'Subject X+Auth+Subject X-Auth|Subject X-Auth-Roles x_auth_roles "
    b"X.AUTH.SCOPES x-auth-scopes X-Auth-Method x`auth`method X*Auth*Method X#Auth%Method "
    b"X-Auth-Email x-auth-user X_Auth_Tier X-Auth-"
).split()

names = st.sampled_from(
    b"Accept ACCEPT Cookie Host X-Acme x-acme Set-Cookie Content-Length Keep-Alive TE Via X_Acme Vary "
    b"X-Auth-Roles X-Forwarded-For Upgrade Proxy-Authorization Authorization Content-Type Date".split()
)
values = st.sampled_from([b"", b"a", b"b c", b"close"])
options = st.sampled_from(
    [b"close", b"x-acme", b"Cookie", b" ACCEPT\t", b"", b"vary", b"host", b"content-length"]
)
connections = st.lists(options, max_size=4).map(lambda chosen: (b"Connection", b",".join(chosen)))
heads = st.lists(st.one_of(st.tuples(names, values), connections), max_size=12)


def sift(raw, table):
    """The forwarded fields and the noted values of a head given as names and values."""
    lines, noted, _ = fields.sift([b"%b: %b" % field for field in raw], table)
    assert is_subsequence(lines, [b"%b: %b" % field for field in raw])
    return [field_of(line) for line in lines], noted


def survivors(raw, table):
    """What passes of a head; a head that must be refused is none that hypothesis should try."""
    try:
        return sift(raw, table)[0]
    except Malformed:
        reject()


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(field in rest for field in part)


@pytest.mark.parametrize("table", TABLES)
@given(raw=heads)
def test_what_passes_keeps_its_order_and_its_bytes(table, raw):
    forwarded = survivors(raw, table)
    assert is_subsequence(forwarded, raw)


@pytest.mark.parametrize("table", TABLES)
@given(raw=heads)
def test_neither_hop_by_hop_fields_nor_those_that_connection_names_pass(table, raw):
    forwarded = survivors(raw, table)
    lines = [value for name, value in raw if name == b"Connection"]
    named = {option.strip().lower() for line in lines for option in line.split(b",")}
    assert not {name.lower() for name, _ in forwarded} & (named | set(HOP_BY_HOP.split()))


@given(raw=heads)
def test_every_other_field_of_a_request_passes(raw):
    unlisted = [(b"X-Plain", b"1"), *raw, (b"x-plain", b"2"), (b"X-Plain", b"1")]
    forwarded = survivors(unlisted, REQUEST_FIELDS)
    assert unlisted[:1] + unlisted[-2:] == [field for field in forwarded if field[0].lower() == b"x-plain"]


@pytest.mark.parametrize("name", [pytest.param(name, id=name.decode()) for name in IDENTITY_SPELLINGS])
def test_no_spelling_of_an_identity_field_reaches_a_backend(name):
    forwarded, noted = sift([(name, b"admin")], REQUEST_FIELDS)
    assert not forwarded
    assert not noted


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"X-Forwarded-Uri", id="the path another proxy decided on"),
        pytest.param(b"x-forwarded-email", id="an identity another proxy vouched for"),
        pytest.param(b"X-Forwarded-Client-Cert", id="a certificate another proxy saw"),
        pytest.param(b"X-Original-URL", id="another path"),
        pytest.param(b"X-HTTP-Method-Override", id="another method"),
        pytest.param(b"X-Http_Method.Override", id="another method, in disguise"),
        pytest.param(b"Proxy", id="the proxy a CGI program would use"),
        pytest.param(b"X_Acme", id="a name with an underscore"),
        pytest.param(b"X-" + b"A_" * 100, id="a name too long to be remembered"),
    ],
)
def test_a_field_that_misleads_backends_is_not_forwarded(name):
    forwarded, _ = sift([(name, b"1")], REQUEST_FIELDS)
    assert not forwarded


def test_a_backend_may_use_any_name():
    fields = [(b"x_acme", b"1"), (b"$wsep", b""), (b"X-Forwarded-Uri", b"/")]
    assert (fields, {}) == sift(fields, RESPONSE_FIELDS)


@pytest.mark.parametrize(
    ("connection", "forwarded", "noted"),
    [
        pytest.param(b"close", [b"Authorization", b"X-Acme"], {b"authorization"}, id="close names no field"),
        pytest.param(b"X-ACME", [b"Authorization"], {b"authorization"}, id="an unlisted field goes"),
        pytest.param(
            b"authorization",
            [b"X-Acme"],
            set(),
            id="a credential goes from both, so that nobody is let in by it",
        ),
        pytest.param(
            b"close , \tX-Forwarded-For,Host",
            [b"Authorization", b"X-Acme"],
            {b"authorization"},
            id="what we manage cannot be named away",
        ),
        pytest.param(
            b",,", [b"Authorization", b"X-Acme"], {b"authorization"}, id="empty members name nothing"
        ),
    ],
)
def test_connection_takes_away_what_it_names(connection, forwarded, noted):
    raw = [
        (b"Host", b"a.example"),
        (b"Authorization", b"Bearer x"),
        (b"Connection", connection),
        (b"X-Forwarded-For", b"192.0.2.1"),
        (b"X-Acme", b"1"),
    ]
    passed, kept = sift(raw, REQUEST_FIELDS)
    assert forwarded == [name for name, _ in passed]
    assert noted | {b"host", b"connection", b"x-forwarded-for"} == kept.keys()


def test_a_second_connection_field_counts_like_the_first():
    raw = [(b"Connection", b"close"), (b"X-Acme", b"1"), (b"connection", b"x-acme")]
    forwarded, _ = sift(raw, REQUEST_FIELDS)
    assert not forwarded


@pytest.mark.parametrize(
    ("raw", "name", "value"),
    [
        pytest.param(
            [(b"Tracestate", b"a \t")], b"tracestate", b"a", id="white space behind a value is no part of it"
        ),
        pytest.param(
            [(b"Tracestate", b"a"), (b"TRACESTATE", b"b")], b"tracestate", b"a,b", id="list members in order"
        ),
        pytest.param([(b"cookie", b"a=1"), (b"Cookie", b"b=2")], b"cookie", b"a=1; b=2", id="cookies"),
        pytest.param([(b"Tracestate", b"")], b"tracestate", b"", id="an empty value is a value"),
    ],
)
def test_a_noted_value_is_joined(raw, name, value):
    assert {name: value} == sift(raw, REQUEST_FIELDS)[1]


@pytest.mark.parametrize(
    ("table", "name"),
    [
        pytest.param(REQUEST_FIELDS, b"Host", id="Host"),
        pytest.param(REQUEST_FIELDS, b"Content-Length", id="Content-Length"),
        pytest.param(REQUEST_FIELDS, b"Transfer-Encoding", id="Transfer-Encoding"),
        pytest.param(REQUEST_FIELDS, b"Authorization", id="Authorization"),
        pytest.param(REQUEST_FIELDS, b"Origin", id="Origin"),
        pytest.param(REQUEST_FIELDS, b"Content-Type", id="Content-Type"),
        pytest.param(RESPONSE_FIELDS, b"Content-Length", id="Content-Length of a response"),
    ],
)
def test_a_field_that_decides_may_not_stand_twice(table, name):
    with pytest.raises(Malformed, match=Reason.DUPLICATE_FIELD):
        sift([(name, b"1"), (name.lower(), b"1")], table)


def test_set_cookie_lines_are_never_folded():
    cookies: list[Field] = [(b"Set-Cookie", b"a=1, b"), (b"set-cookie", b"c=2"), (b"Set-Cookie", b"a=1, b")]
    assert (cookies, {}) == sift(cookies, RESPONSE_FIELDS)


def test_invented_names_neither_fill_the_memory_nor_keep_usual_names_out():
    table = FieldTable([], drop_aliases=True)
    for number in range(10_000):
        table[b"X-%d" % number]
        table[b"X-%d-%b" % (number, b"a" * 64)]
    table[b"X-Usual"]
    assert b"X-Usual" in table
    assert max(map(len, table)) <= 64
    assert len(table) <= 4096
