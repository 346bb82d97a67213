"""Templates: how they are read, what is refused and in which words, how holes are filled."""

import pytest

from gateway.http.template import Kind, Segment, parse_path, template, variables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/", [], id="the root has no segments"),
        pytest.param("/a/b", ["LITERAL a", "LITERAL b"], id="literals"),
        pytest.param("/a/", ["LITERAL a"], id="a slash at the end means nothing"),
        pytest.param("/a/{id}", ["LITERAL a", "NAME id"], id="a variable"),
        pytest.param("/{a_1}/{_b...}", ["NAME a_1", "REST _b"], id="a variable for the rest"),
        pytest.param("/a%20b", ["LITERAL a%20b"], id="an escape in canonical form"),
        pytest.param("/a;v=1/x%2Fy", ["LITERAL a;v=1", "LITERAL x%2Fy"], id="what a listener may let pass"),
    ],
)
def test_a_template_is_its_segments(text, expected):
    assert expected == [f"{segment.kind.name} {segment.text}" for segment in parse_path(text)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a", 'begins with "/", got "a"', id="no slash at the beginning"),
        pytest.param("", 'begins with "/", got ""', id="nothing"),
        pytest.param("/a//b", "no empty segment", id="an empty segment"),
        pytest.param("//", "no empty segment", id="two slashes"),
        pytest.param("/a{id}", 'whole segment, got "a{id}"', id="a hole in a segment"),
        pytest.param("/{Id}", 'whole segment, got "{Id}"', id="a capital in a name"),
        pytest.param("/{1d}", 'whole segment, got "{1d}"', id="a digit before a name"),
        pytest.param("/{a..}", 'whole segment, got "{a..}"', id="two dots behind a name"),
        pytest.param("/{}", 'whole segment, got "{}"', id="no name"),
        pytest.param("/{a...}/b", "last segment only", id="the rest before the end"),
        pytest.param("/{a}/{a}", "each variable once", id="a name twice"),
        pytest.param(
            "/%7euser", 'the canonical "~user", got "%7euser"', id="an escape that requests never have"
        ),
        pytest.param("/%c3%A9", 'the canonical "%C3%A9"', id="an escape in small letters"),
        pytest.param("/é", "that a path may have", id="a character beyond ASCII"),
        pytest.param("/a b", "that a path may have", id="a space"),
        pytest.param("/a?b", "that a path may have", id="a question mark"),
        pytest.param("/a/../b", "that a path may have", id="two dots"),
        pytest.param("/a" * 65, "at most 64 segments, got 65", id="too deep"),
    ],
)
def test_what_is_no_template_is_said(text, message):
    with pytest.raises(ValueError) as refused:
        parse_path(text)
    assert message in str(refused.value)


def test_variables_are_named_in_order():
    assert ("owner", "path") == variables("/files/{owner}/raw/{path...}")


def test_segments_compare_by_kind_first():
    assert [Kind.LITERAL, Kind.NAME, Kind.REST] == sorted([Kind.REST, Kind.LITERAL, Kind.NAME])
    assert Segment(Kind.NAME, "a") != Segment(Kind.LITERAL, "a")


@pytest.mark.parametrize(
    ("text", "captures", "expected"),
    [
        pytest.param("/v2", [b"7", b"x/y"], b"/v2", id="no hole"),
        pytest.param("/v2/{rest...}", [b"7", b"x/y"], b"/v2/x/y", id="the rest"),
        pytest.param(
            "/v2/{rest}", [b"7", b"x/y/"], b"/v2/x/y/", id="the rest without dots, its last slash kept"
        ),
        pytest.param("/{rest...}/of/{id}", [b"7", b"x"], b"/x/of/7", id="holes in another order"),
        pytest.param("/v{id}/{id}", [b"7", b""], b"/v7/7", id="a hole twice and inside of a segment"),
        pytest.param("/v2/{rest...}", [b"7", b""], b"/v2/", id="an empty rest"),
        pytest.param(
            "/{rest...}/{id}", [b"evil.example", b""], b"/evil.example", id="an empty rest makes no host"
        ),
        pytest.param(
            "https://new.example/{id}?from=old#top",
            [b"a%20b", b""],
            b"https://new.example/a%20b?from=old#top",
            id="a URL",
        ),
    ],
)
def test_holes_are_filled_with_what_was_captured(text, captures, expected):
    assert expected == template(text, ("id", "rest")).fill(tuple(captures))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("v2", 'begins with one "/"', id="neither path nor URL"),
        pytest.param("//evil.example/{id}", 'begins with one "/"', id="a host without scheme"),
        pytest.param("ftp://a.example/", 'begins with one "/"', id="another scheme"),
        pytest.param("https://{id}.example/", 'begins with one "/"', id="a hole in the host"),
        pytest.param("https://a.example{id}", 'begins with one "/"', id="a hole behind the host"),
        pytest.param("{id}", 'begins with one "/"', id="a hole alone"),
        pytest.param("/v2/{name}", "one of the path's variables, got {name}", id="an unknown variable"),
        pytest.param("/v2/{ID}", "visible ASCII", id="no name in braces"),
        pytest.param("/a b", "visible ASCII", id="a space"),
        pytest.param("/a\r\nX: y", "visible ASCII", id="a line end"),
        pytest.param("/\\evil.example", "visible ASCII", id="a backslash"),
        pytest.param("/é", "visible ASCII", id="a character beyond ASCII"),
        pytest.param("/%zz", "visible ASCII", id="a percent without digits"),
    ],
)
def test_what_cannot_be_filled_is_said(text, message):
    with pytest.raises(ValueError) as refused:
        template(text, ("id", "rest"))
    assert message in str(refused.value)
