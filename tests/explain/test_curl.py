"""What curl would send, from its manual: https://curl.se/docs/manpage.html."""

import pytest

from gateway.explain.curl import curl

USUAL = (("User-Agent", "curl"), ("Accept", "*/*"))
FORM = ("Content-Type", "application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("command", "method", "url", "fields", "body"),
    [
        pytest.param("curl http://h/a", "GET", "http://h/a", USUAL, b"", id="the least"),
        pytest.param("/usr/bin/curl -isS h", "GET", "http://h/", USUAL, b"", id="without a scheme"),
        pytest.param(
            "curl --url http://h/a -o x -m 5",
            "GET",
            "http://h/a",
            USUAL,
            b"",
            id="options that are no request",
        ),
        pytest.param("curl -XDELETE http://h/a", "DELETE", "http://h/a", USUAL, b"", id="a method"),
        pytest.param("curl -I http://h/a", "HEAD", "http://h/a", USUAL, b"", id="a head alone"),
        pytest.param(
            "curl -d a=1 -d b=2 http://h/a",
            "POST",
            "http://h/a",
            (*USUAL, FORM),
            b"a=1&b=2",
            id="data of a form",
        ),
        pytest.param(
            "curl --data-raw @a http://h/a",
            "POST",
            "http://h/a",
            (*USUAL, FORM),
            b"@a",
            id="raw data is no file",
        ),
        pytest.param(
            "curl -G -d a=1 http://h/a?b", "GET", "http://h/a?b&a=1", USUAL, b"", id="data for the query"
        ),
        pytest.param(
            "curl --json '{}' -X PUT http://h/a",
            "PUT",
            "http://h/a",
            (("User-Agent", "curl"), ("Accept", "application/json"), ("Content-Type", "application/json")),
            b"{}",
            id="JSON",
        ),
        pytest.param(
            "curl -H 'accept: text/html' -H 'User-Agent:' -H 'X: 1' http://h/a",
            "GET",
            "http://h/a",
            (("accept", "text/html"), ("X", "1")),
            b"",
            id="fields of one's own",
        ),
        pytest.param(
            "curl -u a:b -b c=d -A me -e http://r --compressed http://h/a",
            "GET",
            "http://h/a",
            (
                ("User-Agent", "me"),
                ("Accept", "*/*"),
                ("Authorization", "Basic YTpi"),
                ("Cookie", "c=d"),
                ("Referer", "http://r"),
                ("Accept-Encoding", "gzip, br, zstd"),
            ),
            b"",
            id="what has an option of its own",
        ),
        pytest.param("curl http://h/a/../b/./c/..", "GET", "http://h/b/", USUAL, b"", id="dots are resolved"),
        pytest.param(
            "curl --path-as-is http://h/a/../b",
            "GET",
            "http://h/a/../b",
            USUAL,
            b"",
            id="unless they are to stay",
        ),
        pytest.param(
            "curl --request-target '*' http://h/a", "GET", "http://h*", USUAL, b"", id="another target"
        ),
        pytest.param("curl http://u:p@h/a#f", "GET", "http://h/a", USUAL, b"", id="no user, no fragment"),
    ],
)
def test_a_command_is_the_request_that_it_sends(command, method, url, fields, body):
    found = curl(command)
    assert (method, url, fields, body) == (found.method, found.url, found.fields, found.body)


def test_data_is_read_from_a_file_without_its_line_breaks(tmp_path):
    (tmp_path / "data").write_text("a=1\nb\n")
    assert b"a=1b" == curl(f"curl -d @{tmp_path}/data http://h").body
    assert b"a=1\nb\n" == curl(f"curl --data-binary @{tmp_path}/data http://h").body


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param("", "begins with curl", id="nothing"),
        pytest.param("wget http://h", "begins with curl", id="another program"),
        pytest.param("curl", "a URL", id="no URL"),
        pytest.param("curl -F a=b http://h", "known here, got -F", id="an option that is not known"),
        pytest.param("curl -X", "in the curl command", id="an option without its value"),
        pytest.param("curl 'http://h", "No closing quotation", id="no end"),
    ],
)
def test_what_cannot_be_read_is_said(command, message):
    with pytest.raises(ValueError, match=message):
        curl(command)
