"""What is typed, and what is asked."""

import io
import json

import pytest

from gateway.config.question import QuestionSpec
from gateway.config.snapshot import Address, Listener, ListenerTls
from gateway.explain.question import question, stated
from gateway.http.path import PathRules
from gateway.rehearsal import CLIENT, Assumed

PLAIN = Listener(Address("0.0.0.0", 80), (), "x-forwarded-for", PathRules("refuse", "refuse", "refuse"))
SECURE = Listener(
    *(Address("0.0.0.0", 443), (), "x-forwarded-for", PathRules("refuse", "refuse", "refuse")),
    ListenerTls((), "1.2", "", None),
)


@pytest.fixture
def asked(said):
    return lambda line, *listeners: question(said(line), listeners or (PLAIN,))


def test_a_path_is_asked_of_this_machine_by_a_stranger(asked):
    draft = asked("GET /a").draft
    assert ("GET", "/a", "localhost", (), b"", CLIENT, False) == (
        *(draft.method, draft.target, draft.host),
        *(draft.fields, draft.body, draft.client, draft.secure),
    )


def test_a_url_says_the_host(asked):
    draft = asked("PUT http://a.example:8080/b -H 'X: 1' -H 'Y:2' --client 10.0.0.1").draft
    assert ("a.example:8080", "/b", (("X", "1"), ("Y", "2")), "10.0.0.1") == (
        *(draft.host, draft.target),
        *(draft.fields, draft.client),
    )


def test_a_body_comes_from_a_file_or_standard_input(asked, tmp_path, monkeypatch):
    (tmp_path / "body").write_bytes(b"\xff\n")
    assert b"\xff\n" == asked(f"POST /a --body {tmp_path}/body").draft.body
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"hi")))
    assert b"hi" == asked("POST /a --body -").draft.body


def test_a_token_is_shown_as_one(asked):
    found = asked("GET /a --token x.y.z")
    assert ((("Authorization", "Bearer x.y.z"),), "x.y.z") == (found.draft.fields, found.token)


@pytest.mark.parametrize(
    ("line", "assumed"),
    [
        pytest.param("GET /a", None, id="nobody"),
        pytest.param("GET /a --as thandi", Assumed("thandi"), id="somebody"),
        pytest.param(
            "GET /a --as thandi:a,b --scope s --claim n=1 --claim 'm={\"x\": []}' --claim t=wallet-1 "
            "--tier gold --method-of-auth mtls",
            Assumed(
                *("thandi", frozenset(["a", "b"]), frozenset(["s"])),
                *({"n": 1, "m": {"x": []}, "t": "wallet-1"}, "mtls", "gold"),
            ),
            id="with everything",
        ),
        pytest.param("GET /a --as thandi:", Assumed("thandi"), id="without roles"),
    ],
)
def test_who_asks_is_assumed(asked, line, assumed):
    assert assumed == asked(line).assumed


@pytest.mark.parametrize(
    ("line", "listeners", "expected"),
    [
        pytest.param("GET /a", (PLAIN, SECURE), (0, False), id="a path"),
        pytest.param("GET https://h/a", (PLAIN, SECURE), (1, True), id="the first that speaks TLS"),
        pytest.param("GET https://h/a", (PLAIN,), (0, False), id="none does"),
        pytest.param("GET http://h/a", (SECURE,), (0, True), id="all do"),
        pytest.param("GET /a --listener 2", (PLAIN, SECURE), (1, True), id="the one that is said"),
    ],
)
def test_a_listener_is_the_one_for_the_url(asked, line, listeners, expected):
    found = asked(line, *listeners)
    assert expected == (found.listener, found.draft.secure)


def test_curl_and_har_are_other_ways_to_ask(asked, tmp_path):
    assert "DELETE" == asked("--curl 'curl -X DELETE http://h/a'").draft.method
    entry = {"request": {"method": "PATCH", "url": "http://h/a", "headers": []}}
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    assert "PATCH" == asked(f"--har {tmp_path}/a.har -H 'X: 1'").draft.method


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("", "METHOD and URL", id="nothing"),
        pytest.param("GET", "METHOD and URL", id="no URL"),
        pytest.param("GET /a --curl 'curl h'", "METHOD and URL", id="two ways at once"),
        pytest.param("GET /a -H X", "expected a field such as", id="no field"),
        pytest.param("GET /a --as :a", "expected --as SUBJECT", id="nobody with a role"),
        pytest.param("GET /a --scope a", "expected --as SUBJECT beside", id="a scope of nobody"),
        pytest.param("GET /a --as a --claim b", "expected --claim NAME=JSON", id="no claim"),
        pytest.param("GET /a --listener 2", "from 1 to 1, got 2", id="no such listener"),
        pytest.param("GET /a --listener 0", "from 1 to 1, got 0", id="none before the first"),
    ],
)
def test_what_cannot_be_asked_is_said(asked, line, message):
    with pytest.raises(ValueError, match=message):
        asked(line)


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        pytest.param({"url": "/a"}, "GET /a", id="a path"),
        pytest.param(
            {"method": "PUT", "url": "https://h:8/a?b", "fields": {"X": "1", "Y": ["2", "3"]}},
            "PUT https://h:8/a?b -H 'X: 1' -H 'Y: 2' -H 'Y: 3'",
            id="a URL with fields",
        ),
        pytest.param(
            {"url": "/a", "client": "10.0.0.1", "listener": 2},
            "GET /a --client 10.0.0.1 --listener 2",
            id="where it arrives",
        ),
        pytest.param({"url": "/a", "token": "x.y.z"}, "GET /a --token x.y.z", id="a token"),
        pytest.param(
            {
                "url": "/a",
                "principal": {
                    **{"subject": "thandi", "roles": ["a", "b"], "scopes": ["s"], "claims": {"n": 1}},
                    **{"tier": "gold", "method": "mtls"},
                },
            },
            "GET /a --as thandi:a,b --scope s --claim n=1 --tier gold --method-of-auth mtls",
            id="a principal",
        ),
    ],
)
def test_json_asks_what_a_command_line_asks(asked, wanted, line):
    listeners = (PLAIN, SECURE)
    assert asked(line, *listeners) == stated(QuestionSpec.model_validate(wanted), listeners)


def test_json_has_its_body_in_it():
    assert "\u00fc".encode() == stated(QuestionSpec(url="/a", body="\u00fc"), (PLAIN,)).draft.body


def test_json_asks_of_a_listener_that_there_is():
    with pytest.raises(ValueError, match="from 1 to 1, got 2"):
        stated(QuestionSpec(url="/a", listener=2), (PLAIN,))
