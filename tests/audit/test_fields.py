"""What a route does about the published headers."""

import pytest

from gateway.audit.fields import NAMES, State, field, state
from gateway.audit.survey import Survey

UPSTREAM = "    upstream: pay\n"
TRUSTED = ('{address: "127.0.0.1:8080"}', '{address: "127.0.0.1:8080", trusted_proxies: [10.0.0.0/8]}')


@pytest.fixture
def survey(specs):
    def made(headers, *changes):
        return Survey(specs((UPSTREAM, f"{UPSTREAM}    headers: {headers}\n"), *changes), 0.0)

    return made


@pytest.mark.parametrize(
    ("name", "headers", "expected"),
    [
        pytest.param("X-Frame-Options", "api", State.SET, id="set by a preset"),
        pytest.param("Referrer-Policy", "api", State.DEFAULT, id="by default"),
        pytest.param("Referrer-Policy", "{remove: [Referrer-Policy]}", State.MISSING, id="taken away"),
        pytest.param("X-Frame-Options", "none", State.MISSING, id="no preset"),
        pytest.param("Permissions-Policy", "api", State.UNNEEDED, id="a page that may do nothing"),
        pytest.param("Permissions-Policy", "helmet", State.MISSING, id="a page that may"),
        pytest.param(
            "Permissions-Policy",
            "{preset: api, set: {Content-Security-Policy: \"img-src 'none'\"}}",
            State.MISSING,
            id="a page that may not show pictures",
        ),
        pytest.param("Permissions-Policy", "owasp", State.DEFAULT, id="the published list"),
        pytest.param("Clear-Site-Data", "owasp", State.UNNEEDED, id="no logout"),
        pytest.param(
            "Clear-Site-Data",
            "{set: {clear-site-data: '\"cookies\"'}}",
            State.SET,
            id="a logout, in any case",
        ),
        pytest.param("Strict-Transport-Security", "api", State.UNNEEDED, id="no TLS anywhere"),
        pytest.param("Server and its kin", "api", State.SET, id="nothing told of the software"),
        pytest.param("Server and its kin", "helmet", State.MISSING, id="something told of it"),
        pytest.param(
            "Server and its kin", "{preset: api, set: {Server: us}}", State.MISSING, id="our own word instead"
        ),
    ],
)
def test_a_route_has_a_word_on_each(survey, name, headers, expected):
    made = survey(headers)
    assert name in NAMES
    assert expected is state(made, made.ways[0], name)


def test_a_proxy_that_is_believed_makes_connections_secure(survey):
    made = survey("api", TRUSTED)
    assert State.SET is state(made, made.ways[0], "Strict-Transport-Security")


def test_a_value_is_found_in_any_case(survey):
    (way,) = survey("api").ways
    assert (b"DENY", None) == (field(way, b"x-frame-options"), field(way, b"x-none"))
