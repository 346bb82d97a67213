import pytest

from gateway.http.media_type import is_json, media_type


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"application/json", b"application/json", id="a type alone"),
        pytest.param(b"Application/JSON", b"application/json", id="case means nothing"),
        pytest.param(b"application/json; charset=UTF-8", b"application/json", id="UTF-8"),
        pytest.param(b'application/json;charset="utf-8"', b"application/json", id="in quotes"),
        pytest.param(b'application/json ; v=1 ;; p="a;b" ', b"application/json", id="other parameters"),
        pytest.param(
            b'multipart/form-data; boundary="a;charset=utf-7"', b"multipart/form-data", id="a quote"
        ),
        pytest.param(b"application/json;charset=utf-7", None, id="UTF-7"),
        pytest.param(b"application/json;charset=iso-8859-1", None, id="Latin"),
        pytest.param(b"application/json;charset=utf-8;charset=utf-7", None, id="two charsets"),
        pytest.param(b"application/json;charset=utf-8;CHARSET=utf-8", None, id="twice the same"),
        pytest.param(b"application/json; a=1; A=2", None, id="any parameter twice"),
        pytest.param(b"application/json; charset = utf-8", None, id="blanks around the sign"),
        pytest.param(b"application/json; charset='utf-8'", None, id="other quotes"),
        pytest.param(b'application/json; charset="utf\\-8"', None, id="a charset that hides"),
        pytest.param(b"application/json, text/plain", None, id="a list"),
        pytest.param(b"application/json text/plain", None, id="a blank between two"),
        pytest.param(b"application/json/x", None, id="one part too many"),
        pytest.param(b"application", None, id="half a type"),
        pytest.param(b"/json", None, id="the other half"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"application/j\xc3\xb6son", None, id="not ASCII"),
        pytest.param(b"application/json\x00", None, id="NUL"),
        pytest.param(b"a/b;" + b" ;" * 120 + b"(", None, id="much that comes to nothing"),
        pytest.param(b"a/b;c=" + b"d" * 300, None, id="too long"),
    ],
)
def test_a_media_type_is_read(value, expected):
    assert expected == media_type(value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(b"application/json", True, id="JSON"),
        pytest.param(b"application/merge-patch+json", True, id="a type made of it"),
        pytest.param(b"application/jsonl", False, id="a type that begins so"),
        pytest.param(b"text/json", False, id="a type that was never registered"),
    ],
)
def test_json_is_told_apart(name, expected):
    assert expected is is_json(name)
