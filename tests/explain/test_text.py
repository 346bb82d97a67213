"""The text that people read, to the letter where it matters."""

import re

import pytest

from gateway.explain.question import question
from gateway.explain.report import report
from gateway.explain.text import Ink, text


@pytest.fixture
def shown(told):
    return lambda line: re.sub(r"\S*/(routes|gateway)\.yaml", r"\1.yaml", text(told(line), Ink(False)))


def test_a_refusal(shown):
    assert """\
GET localhost/api/bills  from 192.0.2.1 on 127.0.0.1:0, as thandi:guest

  wire      passed     44 bytes of head, no body
  route     passed     bills: GET /api/bills                                 routes.yaml:6
  limits    passed     no body                                               gateway.yaml:9
  csrf      passed     a method that changes nothing                         gateway.yaml:7
  auth      assumed    thandi; roles guest; by remote                        routes.yaml:6
  allow     refused    missing_permission: None of your roles permits this.  routes.yaml:6
  upstream  not asked                                                        routes.yaml:6

Refused: 403 missing_permission by allow at routes.yaml:6
  allow: {permissions: [bills:read]}
  bills:read is granted by boss, clerk, owner.

What the client gets
  HTTP/1.1 403 Forbidden
  Cache-Control: no-store
  Content-Type: application/problem+json
  X-Request-Id: 00000000000000000000000000000000
  Via: 1.1 test-gateway

  {
    "type": "about:blank",
    "title": "Forbidden",
    "status": 403,
    "detail": "None of your roles permits this.",
    "reason": "missing_permission",
    "request_id": "00000000000000000000000000000000"
  }

The route bills, with its defaults
  match     {path: /bills, methods: [GET]}  routes.yaml:6
  upstream  backend                         routes.yaml:1
  prefix    /api                            routes.yaml:1
  limits    {body: 1KiB}                    gateway.yaml:9
  csrf      auto                            built in
  auth      remote                          routes.yaml:6
  allow     {permissions: [bills:read]}     routes.yaml:6
  headers   {preset: none}                  gateway.yaml:7
""" == shown("GET /api/bills --as thandi:guest")


def test_what_passes(shown):
    said = shown("GET http://a.example/api/open/7")
    assert said.startswith("GET a.example/api/open/7  from 192.0.2.1 on 127.0.0.1:0\n")
    assert "\nPasses: on to backend\n" in said
    assert "\nWhat backend sees\n  GET /open/7 HTTP/1.1\n  Host: a.example\n" in said
    assert "\nWhat is done to its response\n" in said
    assert '\n  add      RateLimit: "few";r=1;t=30\n' in said
    assert "\nThe route open, with its defaults\n  {id} is 7\n" in said


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        pytest.param("GET /api/moved", "Answered: 308 by route at routes.yaml:9", id="answered"),
        pytest.param("GET //", "Refused: 400 bad_path by wire at gateway.yaml:4", id="never read"),
        pytest.param("GET /a -H 'X Y: 1'", "Refused: 400 malformed_request by wire", id="no line at all"),
        pytest.param("GET /", "Refused: 404 no_route by route at gateway.yaml:7", id="no route"),
        pytest.param(
            "GET /api/any --token eyJhbGciOiJSUzI1NiJ9.e30.AAAA",
            "Unknown: auth would ask for the keys of https://id.example at routes.yaml:8",
            id="unknown",
        ),
    ],
)
def test_the_verdict_is_one_line(shown, line, verdict):
    assert verdict in shown(line).splitlines()


def test_a_recorded_request_cannot_write_to_the_terminal(told):
    made = told("GET '/a\x1b]0;b\x07\x9b2J' --as 'a:b\x1b[2J'")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text(made, Ink(False)))
    assert "GET localhost/a?]0;b??2J" in text(made, Ink(False))


def test_a_target_that_is_no_path_stands_alone(shown):
    assert shown("OPTIONS '*'").startswith("OPTIONS *  from")


def test_a_status_that_has_no_name(stage, said):
    made = stage("routes: [{id: a, match: {path: /a}, respond: {status: 299}, auth: public}]\n")
    told = report(made, question(said("GET /a"), made.snapshot.listeners))
    assert "\n  HTTP/1.1 299" in text(told, Ink(False))


def test_no_line_ends_in_blanks(shown):
    for line in ("GET /api/open/7", "GET /api/bills", "GET //", "GET /nowhere"):
        assert not [each for each in shown(line).splitlines() if each != each.rstrip()]


def test_what_no_route_takes_has_the_defaults(shown):
    assert "\nThe defaults of gateway.yaml\n" in shown("GET /nowhere")


def test_colours_change_nothing_but_colours(told):
    made = told("GET /api/bills --as thandi")
    coloured = text(made, Ink(True))
    assert "\x1b[1;31mrefused" in coloured
    assert text(made, Ink(False)) == re.sub(r" +(?=\n)", "", re.sub(r"\x1b\[[0-9;]*m", "", coloured))
