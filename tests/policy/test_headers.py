import pytest

from gateway.policy.headers import PRESETS, compile_headers, problems

HELMET = """\
Content-Security-Policy: default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';\
frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';\
style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests
Cross-Origin-Opener-Policy: same-origin
Cross-Origin-Resource-Policy: same-origin
Origin-Agent-Cluster: ?1
Referrer-Policy: no-referrer
Strict-Transport-Security: max-age=31536000; includeSubDomains
X-Content-Type-Options: nosniff
X-DNS-Prefetch-Control: off
X-Download-Options: noopen
X-Frame-Options: SAMEORIGIN
X-Permitted-Cross-Domain-Policies: none
X-XSS-Protection: 0
"""
HSTS = b"strict-transport-security"


def answered(edits, *sent):
    """Lower-case name -> values of the response that leaves for what a backend sent."""
    kept, block = edits.apply([(name.encode(), value.encode()) for name, value in sent])
    values: dict[bytes, list[bytes]] = {}
    for name, value in [*kept, *block.fields]:
        values.setdefault(name.lower(), []).append(value)
    return values


def test_helmet_is_helmet_byte_for_byte():
    _, secure = compile_headers("helmet", {}, {}, [])
    _, block = secure.apply([])
    assert sorted(HELMET.encode().splitlines()) == sorted(block.lines.split(b"\r\n")[:-1])


@pytest.mark.parametrize("preset", ["helmet", "api", "owasp"])
def test_hsts_is_only_spoken_over_tls(preset):
    plain, secure = compile_headers(preset, {}, {}, [])
    sent = ("strict-transport-security", "max-age=1")
    expected = [PRESETS[preset].set["Strict-Transport-Security"].encode()]
    assert expected == answered(secure, sent)[HSTS]
    assert HSTS not in answered(plain, sent)


@pytest.mark.parametrize(
    ("set", "default"),
    [
        pytest.param({"STRICT-transport-security": "max-age=1"}, {}, id="set by the route"),
        pytest.param({}, {"STRICT-transport-security": "max-age=1"}, id="the route's default"),
    ],
)
def test_the_routes_own_hsts_is_only_spoken_over_tls(set, default):
    plain, secure = compile_headers("none", set, default, [])
    expected = {HSTS: [b"max-age=1"]}
    assert expected == answered(secure)
    assert not answered(plain)


def test_the_two_edits_differ_in_hsts_only():
    plain, secure = (answered(edits) for edits in compile_headers("owasp", {}, {}, []))
    assert {HSTS} == secure.keys() - plain.keys()
    assert secure == plain | {HSTS: secure[HSTS]}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param(
            "Content-Security-Policy", [b"backend"], id="a backend's policy is not narrowed by ours"
        ),
        pytest.param("cache-control", [b"backend"], id="a backend knows how long it keeps"),
        pytest.param("CROSS-ORIGIN-EMBEDDER-POLICY", [b"backend"], id="a backend knows what it embeds"),
        pytest.param("x-content-type-options", [b"nosniff"], id="nosniff has one value"),
        pytest.param("X-FRAME-OPTIONS", [b"deny"], id="framing is decided here"),
    ],
)
def test_a_preset_meets_the_field_of_a_backend(name, values):
    for edits in compile_headers("owasp", {}, {}, []):
        assert values == answered(edits, (name, "backend"))[name.lower().encode()]


@pytest.mark.parametrize(
    ("preset", "name", "passes"),
    [
        pytest.param("helmet", "X-Powered-By", False, id="Helmet removes X-Powered-By"),
        pytest.param("helmet", "Server", True, id="Helmet leaves Server"),
        pytest.param("owasp", "SERVER", False, id="OWASP removes Server"),
        pytest.param("api", "server", False, id="api removes Server"),
        pytest.param("api", "X-Kong-Something-New", False, id="new members of a family go too"),
        pytest.param("api", "X-AspNetMvc-Version", False, id="an exact name"),
        pytest.param("api", "X-AspNetMvc-Versions", True, id="an exact name is no prefix"),
        pytest.param("api", "$wsep", False, id="a name of odd characters"),
        pytest.param("none", "X-Powered-By", True, id="none removes nothing"),
    ],
)
def test_disclosure_is_removed(preset, name, passes):
    for edits in compile_headers(preset, {}, {}, []):
        assert passes is (name.lower().encode() in answered(edits, (name, "Apache/2.4.1")))


@pytest.mark.parametrize(
    ("set", "default", "remove", "sent", "values"),
    [
        pytest.param(
            {"x-frame-options": "DENY"}, {}, [], [], [b"DENY"], id="set replaces the preset's value"
        ),
        pytest.param(
            {"x-frame-options": "DENY"},
            {},
            [],
            ["SAMEORIGIN"],
            [b"DENY"],
            id="set replaces the backend's value",
        ),
        pytest.param(
            {}, {"X-FRAME-options": "DENY"}, [], [], [b"DENY"], id="default replaces the preset's set"
        ),
        pytest.param(
            {},
            {"X-FRAME-options": "DENY"},
            [],
            ["SAMEORIGIN"],
            [b"SAMEORIGIN"],
            id="default yields to the backend",
        ),
        pytest.param({}, {}, ["x-frame-OPTIONS"], ["DENY"], [], id="remove takes it from both"),
        pytest.param({}, {}, ["X-Frame-*"], ["DENY"], [], id="remove by prefix takes it from both"),
        pytest.param({"X-Frame-Options": "DENY"}, {}, ["X-F*"], [], [b"DENY"], id="set wins over a prefix"),
    ],
)
def test_the_routes_word_replaces_the_presets(set, default, remove, sent, values):
    for edits in compile_headers("owasp", set, default, remove):
        answer = answered(edits, *(("X-Frame-Options", value) for value in sent))
        assert values == answer.get(b"x-frame-options", [])


@pytest.mark.parametrize(
    ("set", "default", "values"),
    [
        pytest.param({"Server": "azora"}, {}, [b"azora"], id="set"),
        pytest.param({}, {"Server": "azora"}, [b"backend"], id="default"),
    ],
)
def test_a_route_may_name_what_the_preset_removes(set, default, values):
    for edits in compile_headers("owasp", set, default, []):
        assert values == answered(edits, ("server", "backend"))[b"server"]


def test_none_changes_nothing():
    for edits in compile_headers("none", {}, {}, []):
        sent = [
            ("Server", "x"),
            ("Strict-Transport-Security", "max-age=1"),
            ("Set-Cookie", "a"),
            ("set-cookie", "b"),
        ]
        fields = [(name.encode(), value.encode()) for name, value in sent]
        kept, block = edits.apply(fields)
        assert (fields, ()) == (kept, block.fields)


def test_a_preset_nobody_published_is_an_error():
    with pytest.raises(KeyError, match="hemlet"):
        compile_headers("hemlet", {}, {}, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("X-Acme", 'a "b" \t c', id="any text"),
        pytest.param("Strict-Transport-Security", "max-age=0", id="HSTS taken back"),
        pytest.param("Strict-Transport-Security", "max-age=1; includeSubDomains; preload;", id="all of HSTS"),
        pytest.param("Cross-Origin-Opener-Policy", "noopener-allow-popups", id="the youngest COOP value"),
        pytest.param("Cross-Origin-Embedder-Policy", 'require-corp; report-to="x"', id="COEP with a report"),
        pytest.param("Referrer-Policy", "no-referrer, strict-origin", id="a list of referrer policies"),
        pytest.param("X-Frame-Options", "deny", id="X-Frame-Options as OWASP spells it"),
        pytest.param("Content-Security-Policy-Report-Only", "default-src 'self'", id="report only"),
    ],
)
def test_sound_words_have_no_problems(name, value):
    assert not problems({name: value}, {})
    assert not problems({}, {name: value})


NOT_TEXT = "expected visible ASCII without white space around it, got "


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        pytest.param("X-A", "a\r\nSet-Cookie: b", NOT_TEXT + r"'a\r\nSet-Cookie: b'", id="a second field"),
        pytest.param("X-A", "a\n", NOT_TEXT + r"'a\n'", id="a line end"),
        pytest.param("X-A", "a\0", NOT_TEXT + r"'a\x00'", id="a NUL"),
        pytest.param("X-A", "ä", NOT_TEXT + r"'\xe4'", id="a letter outside ASCII"),
        pytest.param("X-A", "", NOT_TEXT + "''", id="nothing"),
        pytest.param("X-A", " a", NOT_TEXT + "' a'", id="white space before"),
        pytest.param(
            "X A", "a", "expected a field name (RFC 9110 5.6.2), got 'X A'", id="a space in the name"
        ),
        pytest.param("", "a", "expected a field name (RFC 9110 5.6.2), got ''", id="no name"),
        pytest.param(
            "X-A\n", "a", r"expected a field name (RFC 9110 5.6.2), got 'X-A\n'", id="a name with an end"
        ),
        pytest.param("X:", "a", "expected a field name (RFC 9110 5.6.2), got 'X:'", id="a colon in the name"),
        pytest.param(
            "content-LENGTH",
            "0",
            "expected a field that the gateway does not manage, got content-LENGTH",
            id="framing",
        ),
        pytest.param("Via", "x", "expected a field that the gateway does not manage, got Via", id="Via"),
        pytest.param("Vary", "x", "expected a field that the gateway does not manage, got Vary", id="Vary"),
        pytest.param(
            "Access-Control-Allow-Origin",
            "*",
            "expected a field that the cors policy does not manage, got Access-Control-Allow-Origin",
            id="CORS",
        ),
        pytest.param(
            "Content-Security-Policy",
            "default-src self",
            "expected 'self' in single quotes, got self",
            id="a policy is read",
        ),
        pytest.param(
            "Strict-Transport-Security",
            "maxage=1",
            "expected max-age, got maxage=1",
            id="maxage, and no max-age",
        ),
        pytest.param(
            "Strict-Transport-Security",
            "max-age=1; includeSubdomains",
            "expected includeSubDomains, got includeSubdomains",
            id="includeSubdomains",
        ),
        pytest.param(
            "Strict-Transport-Security",
            "includeSubDomains",
            "expected max-age=SECONDS, got includeSubDomains",
            id="HSTS without an age",
        ),
        pytest.param(
            "Strict-Transport-Security",
            "max-age=1y",
            "expected max-age=SECONDS, got max-age=1y",
            id="an age in years",
        ),
        pytest.param(
            "Strict-Transport-Security",
            "max-age=1; max-age=2",
            "expected each directive once, got max-age=1; max-age=2",
            id="two ages",
        ),
        pytest.param(
            "Cross-Origin-Resource-Policy",
            "same-orgin",
            "expected same-site or same-origin or cross-origin, got same-orgin",
            id="CORP misspelt",
        ),
        pytest.param(
            "Cross-Origin-Embedder-Policy",
            "require-cors",
            "expected unsafe-none or require-corp or credentialless, got require-cors",
            id="COEP misspelt",
        ),
        pytest.param(
            "X-Frame-Options",
            "ALLOW-FROM https://a.example",
            "expected deny or sameorigin, got ALLOW-FROM https://a.example",
            id="ALLOW-FROM, which browsers dropped",
        ),
        pytest.param("X-Content-Type-Options", "no-sniff", "expected nosniff, got no-sniff", id="no-sniff"),
    ],
)
def test_a_fault_is_named(name, value, problem):
    assert (name, problem) in problems({name: value}, {})
    assert (name, problem) in problems({}, {name: value})


def test_a_referrer_policy_nobody_knows_is_named():
    ((name, text),) = problems({}, {"Referrer-Policy": "no-referer, origin"})
    assert name == "Referrer-Policy"
    assert text.endswith(", got no-referer")


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        pytest.param("Server", True, id="an exact name"),
        pytest.param("X-Acme-*", True, id="a prefix"),
        pytest.param("Content-Length", False, id="framing"),
        pytest.param("*", False, id="everything"),
        pytest.param("Tr*", False, id="a prefix that holds framing"),
        pytest.param("Access-*", False, id="a prefix that holds CORS"),
        pytest.param("X A*", False, id="a prefix of no name"),
        pytest.param("X A", False, id="no name"),
    ],
)
def test_a_removal_is_judged(name, sound):
    assert sound is (not problems({}, {}, [name]))


@pytest.mark.parametrize(
    ("set", "default", "remove"),
    [
        pytest.param({"X-A": "1", "x-a": "2"}, {}, [], id="set twice"),
        pytest.param({"X-A": "1"}, {"x-a": "2"}, [], id="set and default"),
        pytest.param({"X-A": "1"}, {}, ["X-A"], id="set and removed"),
        pytest.param({}, {}, ["X-A", "X-A"], id="removed twice"),
    ],
)
def test_a_field_has_one_mode(set, default, remove):
    ((name, text),) = problems(set, default, remove)
    assert name.lower() == "x-a"
    assert text.startswith("expected each field once in set, default and remove, got ")
