"""Keys, users, certificates and services from texts: what loads, and what is told of what does not."""

import pytest
from argon2 import PasswordHasher

from gateway.policy.api_key import ApiKeys
from gateway.policy.basic import Basic
from gateway.policy.certificate import Certificates
from gateway.policy.forward_auth import ForwardAuth, Prompted
from gateway.policy.introspected import IntrospectedTokens
from gateway.policy.token import Selected, Tokens

HASH = PasswordHasher(1, 7 * 1024, 1).hash("x")
GATEWAY = """\
version: 1
name: edge
upstreams: {pay: {endpoints: ["http://127.0.0.1:4009"]}}
policies: [policies]
api_keys: {file: keys.yaml}
basic_users: {file: users.yaml}
certificates: {subject: common_name, roles: {probe: [admin]}}
forward_auth: {legacy: {url: "http://127.0.0.1:4200/check", copy: [X-Legacy-Id]}}
issuers:
  id: {issuer: https://id.example, audience: [api], discovery: true}
  opaque: {introspection: {url: https://id.example/i, client_id: a, client_secret: hunter2}}
listeners:
  - address: "127.0.0.1:0"
    tls: {certificates: [{certificate: a.crt, key: a.key}], client_ca: ca.pem, client_auth: optional}
"""
KEYS = f"""\
keys:
  - {{id: abcd, sha256: {"0a" * 32}, principal: probe, roles: [admin]}}
"""
USERS = f"""\
users:
  - name: thandi
    hash: "{HASH}"
"""
ROUTE = "roles: {{admin: {{}}}}\nroutes: [{{id: a, match: {{path: /}}, upstream: pay, auth: {}}}]\n"


@pytest.fixture
def beside(tmp_path, authority):
    """Writes the files of keys and users beside gateway.yaml, where those of TLS are too."""
    for path, name in zip((*authority.issue("a"), authority.file), ("a.crt", "a.key", "ca.pem"), strict=True):
        path.rename(tmp_path / name)

    def write(keys=KEYS, users=USERS):
        for name, text in (("keys.yaml", keys), ("users.yaml", users)):
            if text is not None:
                (tmp_path / name).write_text(text)

    return write


@pytest.fixture
def told(report, beside):
    """The problems of texts that load but for what is given."""

    def tell(*, gateway=GATEWAY, auth="[id, api_key, basic, mtls, legacy, opaque]", **files):
        beside(**files)
        return report(gateway=gateway, policies=ROUTE.format(auth))

    return tell


@pytest.fixture
def methods(compiled, beside):
    """The methods of a route, by its `auth`."""

    def make(auth, gateway=GATEWAY):
        beside()
        (route,) = compiled(gateway=gateway, policies=ROUTE.format(auth)).routes
        return next(policy for policy in route.pipeline.policies if policy.name == "auth")._methods

    return make


def test_all_of_them_load(told):
    assert [] == told()


@pytest.mark.parametrize(
    ("auth", "kinds"),
    [
        pytest.param("api_key", [ApiKeys], id="keys"),
        pytest.param("basic", [Basic], id="users"),
        pytest.param("mtls", [Certificates], id="certificates"),
        pytest.param("legacy", [ForwardAuth], id="a service"),
        pytest.param("opaque", [IntrospectedTokens], id="an endpoint"),
        pytest.param("[id, api_key, public]", [Tokens, ApiKeys], id="a mixed list"),
        pytest.param("[id, basic, opaque]", [Selected, Basic, IntrospectedTokens], id="two who take tokens"),
        pytest.param("[api_key, legacy]", [ApiKeys, ForwardAuth], id="a service that has the last word"),
        pytest.param("[legacy, api_key]", [Prompted, ApiKeys], id="a service that has the first"),
        pytest.param("[legacy, public]", [Prompted], id="a service that need not be shown anything"),
        pytest.param("[public, legacy]", [Prompted], id="wherever that is said"),
    ],
)
def test_a_word_is_a_method(methods, auth, kinds):
    assert kinds == [type(each) for each in methods(auth)]


def hidden(methods):
    return {name for method in methods for place in method.places for name in place.hidden}


def test_credentials_do_not_reach_the_backend_unless_that_is_said(methods):
    assert {b"x-api-key", b"authorization", b"x-legacy-id"} == hidden(methods("[api_key, basic, legacy]"))
    kept = GATEWAY.replace("keys.yaml", "keys.yaml, forward: true").replace(
        "users.yaml", "users.yaml, forward: true"
    )
    kept = kept.replace("[X-Legacy-Id]", "[X-Legacy-Id], forward: true")
    assert {b"x-legacy-id"} == hidden(methods("[api_key, basic, legacy]", kept))


def test_a_key_may_stand_in_another_field(methods):
    (method,) = methods("api_key", GATEWAY.replace("keys.yaml", "keys.yaml, header: X-Probe-Key"))
    assert b'ApiKey realm="edge", header="X-Probe-Key"' == method.challenge
    assert {b"x-probe-key"} == hidden([method])


def test_the_version_is_also_that_of_keys_and_users(compiled, beside):
    versions = set()
    for files in ({}, {"keys": KEYS + "#"}, {"users": USERS + "#"}):
        beside(**files)
        versions.add(compiled(gateway=GATEWAY, policies=ROUTE.format("api_key")).version)
    assert 3 == len(versions)


@pytest.mark.parametrize(
    ("files", "line"),
    [
        pytest.param({"keys": None}, "keys.yaml:1:1: expected a file that can be read: ", id="no file"),
        pytest.param(
            {"keys": ""}, "keys.yaml:1:1: expected a mapping, got an empty file", id="an empty file"
        ),
        pytest.param({"keys": "[]"}, "keys.yaml:1:1: expected a mapping, got a list", id="a list"),
        pytest.param(
            {"users": "users: []"}, "users.yaml:1:8: users: expected at least one item", id="nobody"
        ),
        pytest.param({"keys": KEYS.replace("probe", "'pro\tbe'")}, "keys.yaml:2:", id="a subject with a tab"),
        pytest.param(
            {"keys": KEYS.replace("0a" * 32, "gw_live_abcd_hunter2")},
            "keys.yaml:2:24: keys[0].sha256: expected the SHA-256 of a key in 64 hexadecimal digits",
            id="a key itself",
        ),
        pytest.param(
            {"users": USERS.replace(HASH, "hunter2")},
            "users.yaml:3:11: users[0].hash: expected an argon2id or bcrypt hash",
            id="a password itself",
        ),
        pytest.param(
            {"keys": KEYS + KEYS.partition("\n")[2]},
            'keys.yaml:3:10: keys[1].id: expected each name once, got "abcd" again after keys.yaml:2',
            id="an id twice",
        ),
        pytest.param(
            {"users": USERS + USERS.partition("\n")[2]},
            'users.yaml:4:11: users[1].name: expected each name once, got "thandi" again after users.yaml:2',
            id="a user twice",
        ),
        pytest.param(
            {"keys": KEYS.replace("[admin]", "[admn]")},
            'keys.yaml:2:116: keys[0].roles[0]: expected the name of a role, got "admn" (did you mean',
            id="a role that is misspelt",
        ),
        pytest.param(
            {"users": USERS + "    tier: gold\n"},
            'users.yaml:4:11: users[0].tier: expected the name of a tier, got "gold"',
            id="a tier that is not there",
        ),
        pytest.param(
            {"users": USERS + '    scopes: ["a\\nb"]\n'},
            "users.yaml:2:5: users[0]: expected names without control characters",
            id="a scope with a line break",
        ),
        pytest.param(
            {"keys": KEYS.replace("abcd", "abcd, expires: 2027-01-01T00:00:00Z")},
            "keys.yaml:2:25: keys[0].expires: expected a value that every YAML version reads alike",
            id="a moment without quotes",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(told, files, line):
    lines = told(**files)
    assert lines
    assert lines[0].startswith(line)
    assert "hunter2" not in "".join(lines)


@pytest.mark.parametrize(
    ("said", "instead", "line"),
    [
        pytest.param(
            "keys.yaml}",
            "keys.yaml, header: Authorization}",
            "gateway.yaml:5:37: api_keys.header: expected a field that holds nothing but keys",
            id="keys among tokens",
        ),
        pytest.param(
            "keys.yaml}",
            "keys.yaml, header: X_API_Key}",
            "gateway.yaml:5:37: api_keys.header: expected a field that holds nothing but keys",
            id="keys in a field that never arrives",
        ),
        pytest.param(
            "[X-Legacy-Id]",
            "[X-Legacy-Id, X_Auth.Subject]",
            "gateway.yaml:8:81: forward_auth.legacy.copy[1]: expected a field that nobody takes for one of",
            id="a service that tells who asks in what some take for our name",
        ),
        pytest.param(
            "keys.yaml}",
            "keys.yaml, header: X-Auth-Subject}",
            "gateway.yaml:5:37: api_keys.header: expected a field that the gateway does not manage",
            id="keys in a field of ours",
        ),
        pytest.param(
            "[X-Legacy-Id]",
            "[X-Auth-Subject]",
            "gateway.yaml:8:68: forward_auth.legacy.copy[0]: expected a field that the gateway does",
            id="a service that tells who asks in our name",
        ),
        pytest.param(
            "http://127.0.0.1:4200",
            "http://legacy",
            "gateway.yaml:8:30: forward_auth.legacy.url: expected a plain https URL",
            id="a service over plain http",
        ),
        pytest.param(
            "copy: [X-Legacy-Id]",
            "timeout: 11s",
            "gateway.yaml:8:70: forward_auth.legacy.timeout: expected at most 10s",
            id="a service that may take too long",
        ),
        pytest.param(
            "[admin]}}",
            "[amin]}}",
            "gateway.yaml:7:54: certificates.roles.probe[0]: expected the name of a role",
            id="a role of a certificate",
        ),
        pytest.param(
            "legacy:",
            "mtls:",
            'gateway.yaml:8:16: forward_auth.mtls: expected another name, "mtls" means something in auth',
            id="a service of the name of a method",
        ),
    ],
)
def test_what_is_wrong_with_a_section_is_told(told, said, instead, line):
    assert said in GATEWAY
    lines = told(gateway=GATEWAY.replace(said, instead), auth="api_key")
    assert [True] == [each.startswith(line) for each in lines], lines


@pytest.mark.parametrize(
    ("section", "method"), [("api_keys", "api_key"), ("basic_users", "basic"), ("certificates", "mtls")]
)
def test_a_method_needs_its_section(told, section, method):
    gateway = "".join(line for line in GATEWAY.splitlines(True) if not line.startswith(section))
    (line,) = told(gateway=gateway, auth=f"[id, {method}]")
    assert line.endswith(
        f': routes[0].auth[1]: expected the section "{section}" in gateway.yaml for {method}'
    )


def test_certificates_need_somebody_who_asks_for_them(told):
    (line,) = told(gateway=GATEWAY.replace(", client_ca: ca.pem, client_auth: optional", ""), auth="mtls")
    assert line == "gateway.yaml:7:15: certificates: expected a listener with client_ca, which asks for them"


def test_who_takes_every_token_stands_behind_the_other_issuers(told):
    (line,) = told(auth="[opaque, api_key, id]")
    assert line.endswith(
        'routes[0].auth[0]: expected "opaque" behind the other issuers: it takes every token'
    )
    assert [] == told(auth="[api_key, id, opaque, basic]")
    assert [] == told(auth="[opaque, basic]")
