"""The canonical path: what passes, what is refused, and that both agree with a decoder written by hand."""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.http.fields import Malformed
from gateway.http.path import PathRules, canonical, decode
from gateway.http.reason import Reason

REFUSE = PathRules()
MERGE = PathRules(slashes="merge")
SEMICOLON = PathRules(semicolon="allow")
SLASH = PathRules(encoded_slash="allow")
RELAXED = PathRules("merge", "allow", "allow")


@pytest.mark.parametrize(
    ("rules", "raw", "expected"),
    [
        pytest.param(REFUSE, b"/", b"/", id="the root is a path"),
        pytest.param(REFUSE, b"/api/pay/charges", b"/api/pay/charges", id="a plain path stays"),
        pytest.param(REFUSE, b"/api/", b"/api/", id="a trailing slash stays"),
        pytest.param(REFUSE, b"/Api/PAY", b"/Api/PAY", id="case stays"),
        pytest.param(
            REFUSE, b"/!$&'()*+,=:@-._~", b"/!$&'()*+,=:@-._~", id="characters of RFC 3986 pchar stay"
        ),
        pytest.param(REFUSE, b'/a"<>[]^`{|}', b'/a"<>[]^`{|}', id="other visible characters are data"),
        pytest.param(REFUSE, b"/%41%7e%2D%30", b"/A~-0", id="escapes of unreserved characters are decoded"),
        pytest.param(REFUSE, b"/a%2epdf", b"/a.pdf", id="an escaped dot inside a name is a dot"),
        pytest.param(REFUSE, b"/%3a%2b", b"/%3A%2B", id="other escapes stay, in upper case"),
        pytest.param(REFUSE, b"/%23foo", b"/%23foo", id="an escaped number sign is data"),
        pytest.param(REFUSE, b"/a%3Fb%20c", b"/a%3Fb%20c", id="an escaped question mark and space are data"),
        pytest.param(REFUSE, b"/100%25", b"/100%25", id="a lone escaped percent is data"),
        pytest.param(
            REFUSE, b"/%25zz", b"/%25zz", id="an escaped percent before no hexadecimal digits is data"
        ),
        pytest.param(REFUSE, b"/%c3%a9", b"/%C3%A9", id="escaped UTF-8 stays"),
        pytest.param(REFUSE, b"/.well-known/x", b"/.well-known/x", id="a name may begin with a dot"),
        pytest.param(
            REFUSE, b"/.../..a/a..", b"/.../..a/a..", id="three dots and dots beside letters are names"
        ),
        pytest.param(REFUSE, b"/a/b%", None, id="a percent at the end"),
        pytest.param(REFUSE, b"/a/b%1", None, id="a percent before one digit"),
        pytest.param(REFUSE, b"/%zz", None, id="a percent before no digits"),
        pytest.param(REFUSE, b"/%%36%36", None, id="a percent built by decoding"),
        pytest.param(REFUSE, b"/public/%%32%65%%32%65/x", None, id="dots built by decoding twice"),
        pytest.param(REFUSE, b"/xyz/AAAAA%%0000/abc", None, id="a control built by decoding twice"),
        pytest.param(REFUSE, b"", None, id="nothing"),
        pytest.param(REFUSE, b"api", None, id="no slash at the beginning"),
        pytest.param(REFUSE, b"*", None, id="an asterisk"),
        pytest.param(REFUSE, b"/admin#/public", None, id="a raw number sign"),
        pytest.param(REFUSE, b"/admin?x", None, id="a raw question mark"),
        pytest.param(REFUSE, b"/public\\..\\admin", None, id="a raw backslash"),
        pytest.param(REFUSE, b"/ /", None, id="a raw space"),
        pytest.param(REFUSE, b"/\x02", None, id="a raw control"),
        pytest.param(REFUSE, b"/a\n", None, id="a line feed at the end"),
        pytest.param(REFUSE, b"/a\x7f", None, id="a raw delete"),
        pytest.param(REFUSE, b"/\xc3\xa9", None, id="raw bytes beyond ASCII"),
        pytest.param(REFUSE, b"/admin%2Fx", None, id="an escaped slash"),
        pytest.param(REFUSE, b"/public/%2e%2e%2fadmin/x", None, id="escaped dots and slash"),
        pytest.param(REFUSE, b"/private%5csecret", None, id="an escaped backslash"),
        pytest.param(REFUSE, b"/x%00", None, id="an escaped NUL"),
        pytest.param(REFUSE, b"/x%0aFAKE", None, id="an escaped line feed"),
        pytest.param(REFUSE, b"/x%1f", None, id="the last escaped control"),
        pytest.param(REFUSE, b"/x%7F", None, id="an escaped delete"),
        pytest.param(REFUSE, b"/public/%252e%252e/admin", None, id="dots escaped twice"),
        pytest.param(REFUSE, b"/%25%34%31", None, id="an escape that decoding once would complete"),
        pytest.param(REFUSE, b"/a;b", None, id="a semicolon"),
        pytest.param(REFUSE, b"/a%3bb", None, id="an escaped semicolon"),
        pytest.param(REFUSE, b"/public/../admin/x", None, id="two dots"),
        pytest.param(REFUSE, b"/public/%2E%2E/admin", None, id="two escaped dots"),
        pytest.param(REFUSE, b"/public/.%2e/.%2e/x", None, id="a dot and an escaped dot"),
        pytest.param(REFUSE, b"/./admin", None, id="one dot"),
        pytest.param(REFUSE, b"/admin/.", None, id="one dot at the end"),
        pytest.param(REFUSE, b"/admin/..", None, id="two dots at the end"),
        pytest.param(REFUSE, b"//admin/x", None, id="two slashes at the beginning"),
        pytest.param(REFUSE, b"/a////b/c", None, id="an empty segment"),
        pytest.param(REFUSE, b"/a//", None, id="two slashes at the end"),
        pytest.param(REFUSE, b"//", None, id="two slashes alone"),
        pytest.param(REFUSE, b"/%c0%af", None, id="an overlong slash"),
        pytest.param(REFUSE, b"/%ed%a0%80", None, id="an escaped surrogate"),
        pytest.param(REFUSE, b"/%c3", None, id="half a character"),
        pytest.param(MERGE, b"///a////b/c//", b"/a/b/c/", id="merged slashes"),
        pytest.param(MERGE, b"//", b"/", id="merged slashes alone"),
        pytest.param(MERGE, b"/a//..//b", None, id="dots between merged slashes"),
        pytest.param(MERGE, b"/a/%2F%2f/c", None, id="merging lets no escaped slash pass"),
        pytest.param(SEMICOLON, b"/a;v=1/%3b", b"/a;v=1/%3B", id="an allowed semicolon stays as it was sent"),
        pytest.param(SEMICOLON, b"/public/..;/admin", None, id="two dots with a path parameter"),
        pytest.param(SEMICOLON, b"/public/.%3Bx/admin", None, id="a dot with an escaped path parameter"),
        pytest.param(SLASH, b"/a/%2F%2f/c", b"/a/%2F%2F/c", id="an allowed escaped slash stays one"),
        pytest.param(SLASH, b"/public/x%2f../admin", None, id="two dots behind an escaped slash"),
        pytest.param(SLASH, b"/public/..%2fadmin", None, id="two dots before an escaped slash"),
        pytest.param(SLASH, b"/%252F", None, id="a slash escaped twice"),
    ],
)
def test_a_path_is_canonical_or_refused(rules, raw, expected):
    assert expected == _outcome(raw, rules)


def test_a_refusal_says_that_it_was_the_path():
    with pytest.raises(Malformed) as refused:
        canonical(b"/a/../b", REFUSE)
    assert Reason.PATH is refused.value.reason


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        pytest.param(b"plain", "plain", id="a segment without escapes"),
        pytest.param(b"a%20b%C3%A9", "a bé", id="UTF-8 is decoded"),
        pytest.param(b"a+b", "a+b", id="a plus sign is no space"),
        pytest.param(b"100%25", "100%", id="an escaped percent is decoded once"),
    ],
)
def test_a_segment_is_decoded_once(segment, expected):
    assert expected == decode(segment)


_PIECES = (
    b"/ / / // . .. a b 2 F e5 ~ ; : % %2e %2E %2f %2F %5c %25 %32 %35 %65 %3b %3B %41 %00 %1F %7f "
    b"%23 %20 %C3 %a9 %c3%A9 %zz %4 \\ # ? \x7f \xe9"
).split()
_paths = (
    st.lists(st.sampled_from(_PIECES), max_size=8).map(lambda pieces: b"/" + b"".join(pieces)) | st.binary()
)
_rules = st.builds(
    PathRules,
    st.sampled_from(["refuse", "merge"]),
    st.sampled_from(["refuse", "allow"]),
    st.sampled_from(["refuse", "allow"]),
)


@settings(max_examples=500, deadline=None)
@given(_paths, _rules)
@example(b"/..;/%2F%2e", RELAXED)
def test_the_outcome_is_that_of_the_rules_read_one_by_one(raw, rules):
    assert _by_hand(raw, rules) == _outcome(raw, rules)


@settings(max_examples=300, deadline=None)
@given(_paths, _rules)
def test_a_canonical_path_is_its_own_canonical_form(raw, rules):
    path = _outcome(raw, rules)
    if path is not None:
        assert path == canonical(path, rules)


@settings(max_examples=300, deadline=None)
@given(_paths, st.builds(PathRules, st.just("refuse"), st.just("allow"), st.just("allow")))
def test_a_canonical_path_means_what_was_sent(raw, rules):
    path = _outcome(raw, rules)
    if path is not None:
        assert _octets(raw) == decode(path).encode()


def _outcome(raw: bytes, rules: PathRules) -> bytes | None:
    try:
        return canonical(raw, rules)
    except Malformed:
        return None


def _octets(raw: bytes) -> bytes:
    """Percent-decoded once, one octet after the other."""
    octets = bytearray()
    position = 0
    while position < len(raw):
        escaped = raw[position] == ord("%")
        octets.append(int(raw[position + 1 : position + 3], 16) if escaped else raw[position])
        position += 3 if escaped else 1
    return bytes(octets)


def _by_hand(raw: bytes, rules: PathRules) -> bytes | None:
    """The rules as a list, on a path taken apart into (octet, was escaped)."""
    digits = b"0123456789abcdefABCDEF"
    units: list[tuple[int, bool]] = []
    rest = list(raw)
    while rest:
        octet = rest.pop(0)
        if octet <= 0x20 or octet >= 0x7F or octet in b"#?\\":
            return None
        escaped = octet == ord("%")
        if escaped:
            if len(rest) < 2 or rest[0] not in digits or rest[1] not in digits:
                return None
            octet = int(bytes([rest.pop(0), rest.pop(0)]), 16)
            escaped = not (chr(octet).isascii() and (chr(octet).isalnum() or octet in b"-._~"))
        if (
            rules.slashes == "merge"
            and (octet, escaped) == (ord("/"), False)
            and units[-1:] == [(octet, escaped)]
        ):
            continue
        units.append((octet, escaped))
    if not _passes(units, rules):
        return None
    return b"".join(b"%%%02X" % octet if escaped else bytes([octet]) for octet, escaped in units)


def _passes(units: list[tuple[int, bool]], rules: PathRules) -> bool:
    slash, escaped_slash = (ord("/"), False), (ord("/"), True)
    if units[:1] != [slash] or any(pair == (slash, slash) for pair in pairwise(units)):
        return False
    if rules.encoded_slash == "refuse" and escaped_slash in units:
        return False
    if rules.semicolon == "refuse" and any(octet == ord(";") for octet, _ in units):
        return False
    if any(escaped and (octet < 0x20 or octet in b"\x7f\\") for octet, escaped in units):
        return False
    for place, unit in enumerate(units):
        after = units[place + 1 : place + 3]
        if (
            unit == (ord("%"), True)
            and len(after) == 2
            and all(not escaped and octet in b"0123456789abcdefABCDEF" for octet, escaped in after)
        ):
            return False
    octets = bytes(octet for octet, _ in units)
    if any(segment.split(b";")[0] in (b".", b"..") for segment in octets.split(b"/")):
        return False
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True
