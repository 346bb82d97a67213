from html.parser import HTMLParser

import orjson
import pytest

from gateway.http.reason import Reason
from gateway.http.reply import HTML, JSON, Body, Reply, problem

REQUEST_ID = b"0123456789abcdef0123456789abcdef"
BROWSER = b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.fixture
def refusal():
    return problem(413, Reason.BODY_TOO_LARGE, "Larger than <1 MiB> & too much.", (b"X-A", b"1"), closes=True)


def test_a_problem_is_json_with_the_six_members(refusal):
    assert {
        "type": "about:blank",
        "title": "Content Too Large",
        "status": 413,
        "detail": "Larger than <1 MiB> & too much.",
        "reason": "body_too_large",
        "request_id": REQUEST_ID.decode(),
    } == orjson.loads(refusal.body.fill(REQUEST_ID))


def test_a_problem_says_what_happens_to_the_connection_and_to_caches(refusal):
    fields = ((b"Cache-Control", b"no-store"), (b"X-A", b"1"))
    assert fields == refusal.fields
    assert refusal.closes


@pytest.mark.parametrize(
    ("accept", "content_type"), [pytest.param(None, JSON, id="JSON"), pytest.param(BROWSER, HTML, id="HTML")]
)
def test_every_body_tells_its_media_type_and_the_request_id_once(refusal, accept, content_type):
    body = refusal.choose(accept)
    filled = body.fill(REQUEST_ID)
    assert content_type == body.content_type
    assert filled.count(REQUEST_ID) == 1
    assert len(body.fill(b"f" * 32)) == len(filled)
    assert b"0" * 32 not in filled


def test_the_page_shows_the_detail_as_text(refusal):
    seen = []
    parser = HTMLParser()
    parser.handle_data = seen.append
    parser.feed(refusal.choose(BROWSER).fill(REQUEST_ID).decode())
    assert "Larger than <1 MiB> & too much." in seen


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param(None, JSON, id="no Accept at all"),
        pytest.param(b"", JSON, id="an empty Accept"),
        pytest.param(b"*/*", JSON, id="anything"),
        pytest.param(b"application/json, text/plain, */*", JSON, id="a script"),
        pytest.param(BROWSER, HTML, id="a browser"),
        pytest.param(b"text/html", HTML, id="HTML alone"),
        pytest.param(b"TEXT/HTML", HTML, id="media types have no case"),
        pytest.param(b"text/html, */*", HTML, id="HTML by name beside anything"),
        pytest.param(b"text/html;level=1;q=0.4, text/plain", HTML, id="HTML with parameters, no JSON"),
        pytest.param(
            b"text/html; q=0.4, application/json", JSON, id="JSON weighs more, though it stands later"
        ),
        pytest.param(
            b"application/json;q=0.4, text/html", HTML, id="HTML weighs more, though it stands later"
        ),
        pytest.param(b"text/html, application/json", JSON, id="a tie is ours to decide"),
        pytest.param(b"text/html, application/problem+json", JSON, id="a tie with a problem"),
        pytest.param(b"text/html;q=0.3, */*;q=0.4", JSON, id="anything else rather than HTML"),
        pytest.param(b"text/html;q=0", JSON, id="HTML refused"),
        pytest.param(b"text/html;q=0.000, */*;q=0", JSON, id="all refused"),
        pytest.param(b"text/html;q=2", JSON, id="a weight above one is none"),
        pytest.param(b"text/html;q=inf", JSON, id="a weight that only Python would read"),
        pytest.param(b"text/html;Q=0.9, application/json;q=0.1", HTML, id="q has no case"),
        pytest.param(b"text/htmlx", JSON, id="a longer name is another type"),
        pytest.param(b"text/*", JSON, id="HTML is not named"),
        pytest.param(b",;,q=1;=,text/html;;", HTML, id="empty members"),
        pytest.param(b"text/html," + b"a/b," * 200, JSON, id="too long to be weighed"),
    ],
)
def test_html_is_for_those_who_prefer_it(refusal, accept, content_type):
    assert content_type == refusal.choose(accept).content_type


def test_a_body_without_a_hole_is_whole():
    whole = b"ok\n"
    assert whole == Body(b"text/plain", whole).fill(REQUEST_ID)


def test_a_reply_without_a_page_has_one_representation():
    only = Body(b"text/plain", b"ok\n")
    assert only is Reply(200, None, (), only).choose(BROWSER)


@pytest.mark.parametrize("reason", [pytest.param(reason, id=reason) for reason in Reason])
def test_every_reason_makes_a_problem(reason):
    members = orjson.loads(problem(400, reason, "No.").body.fill(REQUEST_ID))
    assert str(reason) == members["reason"]


def test_errors_stand_behind_the_other_members():
    """Also where one of them looks like the hole for the id."""
    errors = [{"pointer": f"#/{'0' * 32}", "detail": "is required"}]
    refusal = problem(422, Reason.INVALID_BODY, "No.", extensions={"errors": errors})
    members = orjson.loads(refusal.body.fill(REQUEST_ID))
    assert (errors, REQUEST_ID.decode()) == (members["errors"], members["request_id"])


@pytest.mark.parametrize(
    ("status", "title"),
    [(403, "Forbidden"), (414, "URI Too Long"), (422, "Unprocessable Content"), (504, "Gateway Timeout")],
)
def test_a_title_is_the_phrase_of_rfc_9110(status, title):
    members = orjson.loads(problem(status, Reason.INTERNAL, "No.").body.fill(REQUEST_ID))
    assert title == members["title"]
