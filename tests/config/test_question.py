"""Questions in JSON, and which key of a bad one is at fault."""

import json

import pytest

from gateway.config.problem import ConfigError
from gateway.config.question import read_question


def test_what_is_not_said_is_a_plain_request_of_a_stranger():
    asked = read_question(b'{"url": "/a"}')
    assert ("GET", "/a", {}, "", "", None, None, None) == (
        *(asked.method, asked.url, asked.fields, asked.body, asked.client),
        *(asked.listener, asked.principal, asked.token),
    )


def test_everything_may_be_said():
    principal = {"subject": "thandi", "roles": ["a"], "scopes": ["s"], "claims": {"n": [1]}, "tier": "gold"}
    said = {
        **{"method": "POST", "url": "https://h/a", "fields": {"A": "1", "B": ["2", "3"]}, "body": "{}"},
        **{"client": "10.0.0.1", "listener": 2, "principal": principal},
    }
    asked = read_question(json.dumps(said).encode())
    assert ("POST", {"A": "1", "B": ("2", "3")}, 2, "thandi", {"n": [1]}) == (
        *(asked.method, asked.fields, asked.listener),
        *(asked.principal.subject, asked.principal.claims),
    )


@pytest.mark.parametrize(
    ("raw", "key", "message"),
    [
        pytest.param("", "", "expected JSON", id="nothing"),
        pytest.param("[", "", "expected JSON", id="no JSON"),
        pytest.param('{"url": "/", "url": "/b"}', "", "each name once", id="a name twice"),
        pytest.param("[]", "", "expected a mapping", id="a list"),
        pytest.param("{}", "", 'expected the key "url"', id="no URL"),
        pytest.param('{"url": ""}', "url", "not empty", id="an empty one"),
        pytest.param('{"url": "/", "headers": {}}', "headers", "a known key", id="a key that there is not"),
        pytest.param('{"url": "/", "method": "A\\nB"}', "method", "line break", id="a method of two lines"),
        pytest.param('{"url": "/a\\r\\nB: c"}', "url", "line break", id="a URL of two lines"),
        pytest.param('{"url": "/", "fields": {"a": "b\\nc: d"}}', "fields.a", "line break", id="two fields"),
        pytest.param('{"url": "/", "fields": {"a": []}}', "fields.a", "at least one", id="a field, no line"),
        pytest.param('{"url": "/", "fields": [["a", "b"]]}', "fields", "a mapping", id="a list of fields"),
        pytest.param(
            '{"url": "/", "listener": 0}', "listener", "at least 1", id="a listener before the first"
        ),
        pytest.param('{"url": "/", "principal": "a"}', "principal", "a mapping", id="a name for a principal"),
        pytest.param('{"url": "/", "principal": {}}', "principal", '"subject"', id="nobody"),
        pytest.param(
            *('{"url": "/", "principal": {"subject": "a", "roles": "b"}}', "principal.roles"),
            *("expected a list",),
            id="one role, not in a list",
        ),
        pytest.param(
            '{"url": "/", "principal": {"subject": "a"}, "token": "b"}', "", "got both", id="two who ask"
        ),
    ],
)
def test_what_cannot_be_asked_is_said_with_its_key(raw, key, message):
    with pytest.raises(ConfigError) as raised:
        read_question(raw.encode())
    assert any(problem.path == key and message in problem.message for problem in raised.value.problems)


def test_a_token_is_not_repeated():
    """What says what is wrong may be logged by whoever asked."""
    with pytest.raises(ConfigError) as raised:
        read_question(b'{"url": "/", "token": 5551234}')
    assert "5551234" not in str(raised.value)
