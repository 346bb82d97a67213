"""What requests have to look like: heads, parameters, bodies; and that a body is asked for last."""

import asyncio
import json

import pytest

from gateway.policy import Policy, Reason
from gateway.policy.content import JsonContent
from gateway.policy.json_schema import compile_schema
from gateway.policy.openapi import compile_openapi
from gateway.policy.parameters import parameters
from gateway.policy.validate import DeclaredContent, Described, QueryParameters, WholeBody

SOURCE = "policies/azora-pay.yaml:7"
JSON = (b"Content-Type", b"application/json")
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


class Whole:
    """A body that is here already, or comes when somebody waits for it."""

    def __init__(self, content, *, waits=False):
        self.content = content
        self.waits = waits
        self.asked = []

    def read(self, limit):
        self.asked.append(limit)
        content = self.content if len(self.content) <= limit else None
        return self._later(content) if self.waits else content

    async def _later(self, content):
        await asyncio.sleep(0)
        return content


def reason(verdict):
    return None if verdict is None else verdict.reason


@pytest.mark.parametrize(
    ("length", "fields", "expected"),
    [
        pytest.param(5, [JSON], None, id="a type of the list"),
        pytest.param(-1, [JSON], None, id="in chunks"),
        pytest.param(
            5, [(b"content-TYPE", b"Application/JSON;charset=utf-8")], None, id="in another spelling"
        ),
        pytest.param(0, [], None, id="no body"),
        pytest.param(0, [(b"Content-Type", b"text/plain")], None, id="a type without a body"),
        pytest.param(5, [], Reason.UNSUPPORTED_MEDIA_TYPE, id="a body without a type"),
        pytest.param(-1, [], Reason.UNSUPPORTED_MEDIA_TYPE, id="chunks without a type"),
        pytest.param(5, [(b"Content-Type", b"")], Reason.UNSUPPORTED_MEDIA_TYPE, id="an empty type"),
        pytest.param(5, [(b"Content-Type", b"text/plain")], Reason.UNSUPPORTED_MEDIA_TYPE, id="another type"),
        pytest.param(
            5,
            [(b"Content-Type", b"application/json;charset=utf-7")],
            Reason.UNSUPPORTED_MEDIA_TYPE,
            id="UTF-7",
        ),
        pytest.param(
            5,
            [(b"Content-Type", b"application/json, text/plain")],
            Reason.UNSUPPORTED_MEDIA_TYPE,
            id="a list",
        ),
        pytest.param(
            5, [(b"Content-Type", b"application/jsonx")], Reason.UNSUPPORTED_MEDIA_TYPE, id="a longer name"
        ),
        pytest.param(100, [JSON], None, id="the largest body"),
        pytest.param(101, [JSON], Reason.BODY_TOO_LARGE, id="one byte more"),
        pytest.param(5, [JSON, (b"Content-Encoding", b"Identity")], None, id="not encoded, as it says"),
        pytest.param(5, [JSON, (b"Content-Encoding", b"gzip")], Reason.UNSUPPORTED_ENCODING, id="gzip"),
        pytest.param(
            -1, [JSON, (b"Content-Encoding", b"br")], Reason.UNSUPPORTED_ENCODING, id="a bomb in chunks"
        ),
        pytest.param(
            5,
            [JSON, (b"Content-Encoding", b"identity"), (b"content-encoding", b"gzip")],
            Reason.UNSUPPORTED_ENCODING,
            id="two codings in two fields",
        ),
        pytest.param(
            5, [JSON, (b"Content-Encoding", b"")], Reason.UNSUPPORTED_ENCODING, id="an empty coding"
        ),
    ],
)
def test_a_head_is_judged(exchange, length, fields, expected):
    policy = DeclaredContent([b"application/json"], 100, SOURCE)
    verdicts = [policy(exchange(method=b"POST", length=length, fields=fields)) for _ in range(2)]
    assert [expected] * 2 == [reason(verdict) for verdict in verdicts]


def test_a_refused_head_is_told_what_would_be_taken(exchange):
    policy = DeclaredContent([b"text/csv", b"application/json"], 100, SOURCE)
    media = policy(exchange(length=1))
    coding = policy(exchange(length=1, fields=[(b"Content-Encoding", b"gzip")]))
    assert (415, 415) == (media.status, coding.status)
    assert (b"Accept", b"application/json, text/csv") in media.fields
    assert (b"Accept-Encoding", b"identity") in coding.fields


def test_without_types_any_passes(exchange):
    policy = DeclaredContent([], 100, SOURCE)
    assert policy(exchange(length=1)) is None
    assert Reason.BODY_TOO_LARGE == policy(exchange(length=101)).reason


def test_many_spellings_fill_no_memory(exchange):
    policy = DeclaredContent([b"application/json"], 100, SOURCE)
    for number in range(3000):
        fields = [(b"Content-Type", b"application/json; v=%d" % number)]
        assert policy(exchange(length=1, fields=fields)) is None
    assert policy(exchange(length=1, fields=[(b"Content-Type", b"a/" + b"x" * 200)])) is not None
    assert len(policy._learned) <= 1024


QUERY = {"properties": {"limit": {"type": "integer", "maximum": 100}}, "additionalProperties": False}


@pytest.fixture
def query():
    return QueryParameters(parameters(QUERY, QUERY), compile_schema(QUERY), SOURCE)


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        pytest.param(b"", None, id="no query"),
        pytest.param(b"?", None, id="an empty one"),
        pytest.param(b"?limit=10", None, id="a good one"),
        pytest.param(
            b"?limit=101", [{"in": "query", "parameter": "limit", "detail": "is too large"}], id="too large"
        ),
        pytest.param(
            b"?SECRET=1", [{"in": "query", "detail": "has members that are not known"}], id="an unknown name"
        ),
        pytest.param(b"?limit=1&limit=2", [], id="two of one"),
        pytest.param(b"?limit=%FF", [], id="no UTF-8"),
    ],
)
def test_a_query_is_judged(exchange, query, sent, errors):
    verdict = query(exchange(query=sent))
    if errors is None:
        assert verdict is None
        return
    body = json.loads(verdict.body.fill(b"0" * 32))
    assert (400, Reason.INVALID_QUERY) == (verdict.status, verdict.reason)
    assert errors == body.get("errors", [])
    assert "SECRET" not in str(body)


@pytest.fixture
def whole():
    return WholeBody(JsonContent(compile_schema(SCHEMA)), 100, SOURCE)


CASES = [
    pytest.param(b'{"a": 1}', None, id="a good one"),
    pytest.param(b'{"a": "1"}', Reason.INVALID_BODY, id="of the wrong form"),
    pytest.param(b'{"a": ', Reason.MALFORMED_BODY, id="no JSON"),
    pytest.param(b"", Reason.MISSING_BODY, id="chunks that come to nothing"),
    pytest.param(b" " * 101, Reason.BODY_TOO_LARGE, id="too large"),
]


@pytest.mark.parametrize(("content", "expected"), CASES)
def test_a_body_that_is_here_is_judged_at_once(exchange, whole, content, expected):
    body = Whole(content)
    assert expected == reason(whole(exchange(method=b"POST", length=-1, body=body)))
    assert [100] == body.asked


@pytest.mark.parametrize(("content", "expected"), CASES)
async def test_a_body_that_comes_later_is_waited_for(exchange, whole, content, expected):
    assert expected == reason(
        await whole(exchange(method=b"POST", length=-1, body=Whole(content, waits=True)))
    )


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        pytest.param(b"POST", Reason.MISSING_BODY, id="POST"),
        pytest.param(b"PUT", Reason.MISSING_BODY, id="PUT"),
        pytest.param(b"PURGE", Reason.MISSING_BODY, id="an unknown method"),
        pytest.param(b"GET", None, id="GET"),
        pytest.param(b"DELETE", None, id="DELETE"),
    ],
)
def test_a_missing_body_is_refused_where_one_is_meant(exchange, whole, method, expected):
    body = Whole(b"")
    assert (expected, []) == (reason(whole(exchange(method=method, body=body))), body.asked)


DOCUMENT = {
    "openapi": "3.1.0",
    "servers": [{"url": "/v2"}],
    "paths": {
        "/charges": {
            "get": {
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                    {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"maxLength": 3}}},
                    {
                        "name": "ids",
                        "in": "query",
                        "explode": False,
                        "schema": {"type": "array", "items": {"type": "integer"}},
                    },
                    {"name": "X-Version", "in": "header", "required": True, "schema": {"enum": ["1", "2"]}},
                    {
                        "name": "X-Sizes",
                        "in": "header",
                        "schema": {"type": "array", "items": {"type": "integer"}},
                    },
                    {"name": "theme", "in": "cookie", "schema": {"enum": ["dark", "light"]}},
                    {"name": "Authorization", "in": "header", "required": True, "schema": False},
                ]
            },
            "post": {"requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMA}}}},
            "put": {"requestBody": {"content": {"application/json": {}, "image/*": {}}}},
        },
        "/charges/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {},
        },
        "/several/{ids}": {
            "parameters": [
                {
                    "name": "ids",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "array", "items": {"type": "integer"}},
                }
            ],
            "get": {},
        },
    },
}


@pytest.fixture
def described():
    def make(unknown="ignore"):
        api, problems = compile_openapi(DOCUMENT, unknown)
        assert [] == problems
        return Described(api, lambda exchange: b"/v2" + exchange.request.path, 100, SOURCE)

    return make


VERSION = (b"X-Version", b"1")
LIST = {"path": b"/charges", "fields": [VERSION]}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(LIST, None, id="what has to be there"),
        pytest.param({**LIST, "method": b"HEAD"}, None, id="HEAD as GET"),
        pytest.param({**LIST, "query": b"?limit=10&tag=a&tag=b&ids=1,2"}, None, id="all that may be"),
        pytest.param({**LIST, "query": b"?limit=101"}, ("query", "limit", "is too large"), id="too large"),
        pytest.param(
            {**LIST, "query": b"?limit=x"}, ("query", "limit", "has the wrong type"), id="no number"
        ),
        pytest.param({**LIST, "query": b"?tag=a&tag=long"}, ("query", "tag", "is too long"), id="a bad item"),
        pytest.param({**LIST, "query": b"?ids=1,x"}, ("query", "ids", "has the wrong type"), id="a bad part"),
        pytest.param({**LIST, "query": b"?other=1&other=2"}, None, id="unknown names pass"),
        pytest.param({"path": b"/charges"}, ("header", "x-version", "is required"), id="a missing field"),
        pytest.param(
            {"path": b"/charges", "fields": [(b"x-version", b"3")]},
            ("header", "x-version", "is not one of the allowed values"),
            id="a bad field",
        ),
        pytest.param(
            {**LIST, "fields": [VERSION, (b"X-Sizes", b"1, 2"), (b"X-Sizes", b"3")]}, None, id="lists"
        ),
        pytest.param(
            {**LIST, "fields": [VERSION, (b"X-Sizes", b"1, x")]},
            ("header", "x-sizes", "has the wrong type"),
            id="a bad item of a list",
        ),
        pytest.param({**LIST, "fields": [VERSION, (b"Cookie", b"a=b; theme=dark")]}, None, id="a cookie"),
        pytest.param(
            {**LIST, "fields": [VERSION, (b"Cookie", b"theme=pink")]},
            ("cookie", "theme", "is not one of the allowed values"),
            id="a bad cookie",
        ),
        pytest.param({"path": b"/charges/7"}, None, id="a variable"),
        pytest.param({"path": b"/charges/x"}, ("path", "id", "has the wrong type"), id="a bad variable"),
        pytest.param({"path": b"/several/1,2"}, None, id="a list in the path"),
        pytest.param({"path": b"/several/1,x"}, ("path", "ids", "has the wrong type"), id="a bad one"),
    ],
)
def test_parameters_are_judged(exchange, described, asked, expected):
    verdict = described()(exchange(**asked))
    if expected is None:
        assert verdict is None
        return
    place, name, detail = expected
    assert (400, Reason.INVALID_PARAMETER) == (verdict.status, verdict.reason)
    errors = json.loads(verdict.body.fill(b"0" * 32))["errors"]
    assert [{"in": place, "parameter": name, "detail": detail}] == errors


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({**LIST, "query": b"?limit=1&limit=2"}, id="two of one"),
        pytest.param({**LIST, "query": b"?limit=1&limit=%zz"}, id="a broken escape"),
        pytest.param({**LIST, "query": b"?ids=1%2C2"}, id="an escaped comma in a list"),
        pytest.param({**LIST, "fields": [VERSION, VERSION]}, id="a field twice"),
        pytest.param({**LIST, "fields": [(b"X-Version", b"1\xe9")]}, id="a field that is not ASCII"),
        pytest.param(
            {**LIST, "fields": [VERSION, (b"Cookie", b"theme=dark; theme=light")]}, id="a cookie twice"
        ),
        pytest.param({"path": b"/several/1%2C2"}, id="an escaped comma in the path"),
        pytest.param({"path": b"/charges/99999999999999999999"}, id="an integer beyond 64 bits"),
    ],
)
def test_parameters_that_could_be_read_otherwise_are_refused(exchange, described, asked):
    verdict = described()(exchange(**asked))
    assert (400, Reason.INVALID_PARAMETER) == (verdict.status, verdict.reason)
    assert b"errors" not in verdict.body.fill(b"")


def test_unknown_parameters_are_refused_where_that_is_said(exchange, described):
    verdict = described("reject")(exchange(**LIST, query=b"?SECRET=1"))
    assert Reason.INVALID_PARAMETER == verdict.reason
    assert b"SECRET" not in verdict.body.fill(b"")
    assert Reason.INVALID_PARAMETER == described("reject")(exchange(path=b"/charges/7", query=b"?a=1")).reason


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"path": b"/refunds"}, id="a path"),
        pytest.param({"path": b"/charges", "method": b"DELETE"}, id="a method"),
        pytest.param({"path": b"/charges/"}, id="a slash at the end"),
    ],
)
def test_what_the_document_does_not_have_is_refused(exchange, described, asked):
    verdict = described()(exchange(**asked))
    assert (404, Reason.UNKNOWN_OPERATION) == (verdict.status, verdict.reason)


@pytest.mark.parametrize(
    ("asked", "expected", "read"),
    [
        pytest.param({"method": b"POST", "fields": [JSON]}, None, [100], id="a good body"),
        pytest.param(
            {"method": b"POST", "fields": [(b"Content-Type", b"text/plain")]},
            Reason.UNSUPPORTED_MEDIA_TYPE,
            [],
            id="another type",
        ),
        pytest.param({"method": b"POST"}, Reason.UNSUPPORTED_MEDIA_TYPE, [], id="no type"),
        pytest.param({"method": b"POST", "length": 0}, Reason.MISSING_BODY, [], id="no body"),
        pytest.param({"method": b"PUT", "length": 0}, None, [], id="no body where none is needed"),
        pytest.param(
            {"method": b"PUT", "fields": [(b"Content-Type", b"image/png")]},
            None,
            [],
            id="a body nobody reads",
        ),
        pytest.param(
            {"method": b"GET", "fields": [VERSION, JSON]},
            Reason.UNSUPPORTED_MEDIA_TYPE,
            [],
            id="one too many",
        ),
    ],
)
def test_a_body_is_read_only_where_it_is_described(exchange, described, asked, expected, read):
    body = Whole(b'{"a": 1}')
    verdict = described()(exchange(**{"path": b"/charges", "length": 8, "body": body, **asked}))
    assert (expected, read) == (reason(verdict), body.asked)


@pytest.mark.parametrize("kind", ["head", "query", "whole", "described"])
def test_a_policy_says_its_name_and_its_place(kind, query, whole, described):
    made: dict[str, Policy] = {
        "head": DeclaredContent([], 1, SOURCE),
        "query": query,
        "whole": whole,
        "described": described(),
    }
    assert ("validate", SOURCE) == (made[kind].name, made[kind].source)
