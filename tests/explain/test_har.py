import json

import pytest

from gateway.explain.har import har

ENTRY = {
    "request": {
        "method": "POST",
        "url": "https://h/a?b",
        "headers": [
            {"name": ":authority", "value": "h"},
            {"name": "content-type", "value": "text/plain"},
            {"name": "Content-Length", "value": "99"},
            {"name": "cookie", "value": "a=b"},
        ],
        "postData": {"text": "é"},
    }
}
OTHER = {"request": {"method": "GET", "url": "http://h/", "headers": []}}


@pytest.fixture
def file(tmp_path):
    def write(*entries):
        path = tmp_path / "a:b.har"
        path.write_text(json.dumps({"log": {"entries": entries}}))
        return str(path)

    return write


@pytest.mark.parametrize(("number", "method"), [("", "POST"), (":1", "POST"), (":2", "GET")])
def test_an_entry_is_found_by_its_number(file, number, method):
    assert method == har(file(ENTRY, OTHER) + number).method


def test_a_request_is_what_stands_there_less_what_is_written_anew(file):
    found = har(file(ENTRY))
    assert (("content-type", "text/plain"), ("cookie", "a=b")) == found.fields
    assert ("https://h/a?b", "é".encode()) == (found.url, found.body)


@pytest.mark.parametrize(
    ("entries", "number", "message"),
    [
        pytest.param([ENTRY], ":2", "an entry 2", id="no such entry"),
        pytest.param([ENTRY], ":0", "an entry 0", id="before the first"),
        pytest.param([{}], "", "an entry 1", id="no request"),
        pytest.param([{"request": {"headers": 1}}], "", "a request in entry 1", id="no fields"),
    ],
)
def test_what_is_not_there_is_said(file, entries, number, message):
    with pytest.raises(ValueError, match=message):
        har(file(*entries) + number)


def test_what_is_no_har_is_said(tmp_path):
    (tmp_path / "a").write_text("[")
    with pytest.raises(ValueError, match="expected a HAR file"):
        har(str(tmp_path / "a"))
    with pytest.raises(FileNotFoundError):
        har(str(tmp_path / "b"))
