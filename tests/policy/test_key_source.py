import pytest

from gateway.policy.key_source import KeySource, is_loopback, origin

ISSUER = "https://id.example/tenant"


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        pytest.param(
            "https://id.example",
            (
                "https://id.example/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server",
            ),
            id="without a path",
        ),
        pytest.param(
            ISSUER,
            (
                "https://id.example/tenant/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server/tenant",
            ),
            id="a path: OpenID Connect appends, RFC 8414 inserts",
        ),
        pytest.param(
            "https://id.example/a/b/",
            (
                "https://id.example/a/b/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server/a/b",
            ),
            id="a slash at the end",
        ),
    ],
)
def test_metadata_has_two_places(issuer, expected):
    assert expected == KeySource(issuer).metadata


@pytest.mark.parametrize(
    ("source", "url"),
    [
        pytest.param(KeySource(ISSUER), "https://id.example/keys", id="the issuer's origin"),
        pytest.param(KeySource(ISSUER), "https://ID.example:443/keys?v=1", id="the same, spelled otherwise"),
        pytest.param(
            KeySource(ISSUER, origins=("https://keys.example",)), "https://keys.example/a", id="a listed one"
        ),
        pytest.param(KeySource("http://127.0.0.1:4100"), "http://127.0.0.1:4100/keys", id="this machine"),
        pytest.param(KeySource("http://id:80", insecure=True), "http://id/keys", id="insecure on purpose"),
    ],
)
def test_metadata_may_name_the_keys(source, url):
    assert url == source.named_by({"issuer": source.issuer, "jwks_uri": url})


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param({"issuer": "https://id.example"}, "another issuer", id="a shorter issuer"),
        pytest.param({"issuer": ISSUER + "/"}, "another issuer", id="a slash more"),
        pytest.param({"issuer": [ISSUER]}, "another issuer", id="a list of issuers"),
        pytest.param({"issuer": None}, "another issuer", id="no issuer"),
        pytest.param({"jwks_uri": None}, "origin", id="no keys"),
        pytest.param({"jwks_uri": 7}, "origin", id="a number"),
        pytest.param({"jwks_uri": "https://evil.example/keys"}, "origin", id="another host"),
        pytest.param({"jwks_uri": "https://id.example.evil.example/"}, "origin", id="a host that begins so"),
        pytest.param({"jwks_uri": "https://id.example:8443/keys"}, "origin", id="another port"),
        pytest.param({"jwks_uri": "http://id.example/keys"}, "origin", id="another scheme"),
        pytest.param({"jwks_uri": "https://id.example@evil.example/"}, "origin", id="a user before the host"),
        pytest.param({"jwks_uri": "https://evil.example#@id.example/"}, "origin", id="a fragment"),
        pytest.param({"jwks_uri": "https://id.example\\@evil.example/"}, "origin", id="a backslash"),
        pytest.param({"jwks_uri": "https://id.example/\r\nX: y"}, "origin", id="a line break"),
        pytest.param({"jwks_uri": "//id.example/keys"}, "origin", id="no scheme"),
        pytest.param({"jwks_uri": "file:///etc/passwd"}, "origin", id="a file"),
        pytest.param({"jwks_uri": "http://plain.example/"}, "plain http", id="listed, but not safe"),
    ],
)
def test_metadata_that_leads_elsewhere_is_not_believed(changed, why):
    source = KeySource(ISSUER, origins=("http://plain.example",))
    with pytest.raises(ValueError, match=why):
        source.named_by({"issuer": ISSUER, "jwks_uri": "https://id.example/keys"} | changed)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://id.example/keys", True, id="https"),
        pytest.param("http://id.example/keys", False, id="http"),
        pytest.param("http://127.0.0.1:4100", True, id="http on this machine"),
        pytest.param("http://[::1]/", True, id="http on this machine, IPv6"),
        pytest.param("http://localhost/", True, id="http on this machine, by name"),
        pytest.param("http://user@127.0.0.1/", False, id="a user"),
        pytest.param("nonsense", False, id="nonsense"),
    ],
)
def test_what_could_be_changed_on_the_way_is_not_admitted(url, expected):
    assert expected is KeySource(ISSUER).admits(url)


def test_plain_http_is_admitted_where_the_configuration_says_so():
    assert KeySource(ISSUER, insecure=True).admits("http://id.example/keys")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("127.9.9.9", True, id="all of its network"),
        pytest.param("[::1]", True, id="IPv6"),
        pytest.param("localhost", True, id="by name"),
        pytest.param("localhost.example", False, id="a name that begins so"),
        pytest.param("127.0.0.1.example", False, id="a name that begins like the address"),
        pytest.param("0.0.0.0", False, id="every address"),
        pytest.param("2130706433", False, id="a number"),
    ],
)
def test_loopback_is_this_machine(host, expected):
    assert expected is is_loopback(host)


def test_an_origin_has_its_port():
    assert ("https", "a.example", 443) == origin("HTTPS://A.example")
    assert ("http", "[::1]", 8080) == origin("http://[::1]:8080/x")
    assert origin("https://a example") is None
