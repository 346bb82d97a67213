"""Every way in which access can widen is found; what is the other way round is told apart from it."""

import json
import shutil
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config.problem import ConfigError
from gateway.diff.change import Kind

ROOT = Path(__file__).parents[2]
CLIENTS = "    clients: {allow: [10.0.0.0/8], deny: [10.1.0.0/16]}\n"
QUOTA = "    quota: [few, {tier: many, cost: 2}, {by: claim:plan, pro: large, else: small}]\n"

# What stands there before and after, a part of the line that widens, and what it is the other way round:
# `narrows`, or `widens` where neither can be proved narrower.
WIDENING = [
    # Who.
    ("auth: oracle", "auth: public", "anybody may newly ask without a condition", "narrows"),
    ("auth: [home, api_key]", "auth: [home, api_key, basic]", "auth: basic is added", "narrows"),
    ("auth: [home, api_key]", "auth: [home, api_key, away]", "auth: away is added", "narrows"),
    ("auth: [home, api_key]", "auth: [api_key, home]", "auth: another order", "widens"),
    ("auth: [home, api_key]", "auth: [home, api_key, public]", "auth: public is added", "narrows"),
    ("auth: oracle", "auth: home", "auth: home is added", "widens"),
    (
        'allow: {permissions: ["bills:read"]}',
        "allow: {scopes: [a]}",
        "who is verified and has no role",
        "widens",
    ),
    ('guest: {permissions: ["shop:see"]}', 'guest: {permissions: ["bills:*"]}', "guest may newly", "widens"),
    ('guest: {permissions: ["shop:see"]}', 'guest: {permissions: ["*"]}', "guest may newly ask", "narrows"),
    (
        'guest: {permissions: ["shop:see"]}',
        'guest: {permissions: ["shop:see"], inherits: [clerk]}',
        "guest may newly ask (GET)",
        "narrows",
    ),
    (
        'guest: {permissions: ["shop:see"]}',
        'guest: {permissions: ["shop:see", "bills:write"]}',
        "who has several roles may newly ask, such as clerk and guest",
        "narrows",
    ),
    ("  owner:", "  fresh: {inherits: [owner]}\n  owner:", "fresh may newly ask", "narrows"),
    ("allow: {roles: [owner, boss]}", "allow: {roles: [owner, boss, guest]}", "guest may newly", "narrows"),
    ('"bills:write"], scopes', '"bills:read"], scopes', "clerk may newly ask (POST)", "narrows"),
    (", scopes: [pay]", "", "scope pay is no longer asked for", "narrows"),
    ("scopes: [pay]", "scopes: [buy]", "scope pay is no longer asked for", "widens"),
    ("when: path.who == subject", "when: path.who != subject", "the condition: path.who ==", "widens"),
    ("allow: {when: path.who == subject}", "report: []", "the condition path.who == subject", "narrows"),
    (
        "when: path.who == subject",
        "when: path.who == subject or 'guest' in roles",
        "guest may newly ask without a condition (GET PUT)",
        "widens",
    ),
    ('"/people/{who}"', '"/people/{other}/{who}"', "the condition path.who == subject asks for", "widens"),
    ("methods: [GET, PUT]", "methods: [GET, PUT, DELETE]", "methods: DELETE is added", "narrows"),
    # Which requests. What a narrower path leaves may be taken by a route for everybody.
    (", methods: [GET, PUT]", "", "methods: GET PUT -> any", "narrows"),
    ('path: "/bills/{bill}"', 'path: "/bills/{bill...}"', "path: /bills/{bill} -> /bills/{b", "widens"),
    ('path: "/bills/{bill}"', 'path: "/notes/{bill}"', "path: /bills/{bill} -> /notes", "widens"),
    ("host: shop.example", 'host: "*.example"', "host: shop.example -> *.example", "widens"),
    ("host: shop.example, ", "", "host: shop.example -> any", "widens"),
    (", headers: {X-Door: a-knock}", "", "other fields are asked for (x-door)", "narrows"),
    ("X-Door: a-knock", "X-Door: a-ring", "other fields are asked for (x-door)", "widens"),
    # From where.
    ("clients: {allow: [10.0.0.0/8], deny: [10.1.0.0/16]}", "", "clients.allow: every network", "narrows"),
    ("allow: [10.0.0.0/8]", "allow: [10.0.0.0/7]", "clients.allow: 10.0.0.0/7 is added", "narrows"),
    ("allow: [10.0.0.0/8]", "allow: []", "clients.allow: every network may ask", "narrows"),
    ("deny: [10.1.0.0/16]", "deny: [10.1.0.0/17]", "clients.deny: 10.1.0.0/16 is no longer", "narrows"),
    # How often.
    ("few: {limit: 10/1m", "few: {limit: 11/1m", "quota few: 10/60s, burst 5 -> 11/60s", "narrows"),
    ("few: {limit: 10/1m", "few: {limit: 10/1s", "quota few: 10/60s, burst 5 -> 10/1s", "narrows"),
    ("burst: 5", "burst: 6", "burst 5 -> 10/60s, burst 6", "narrows"),
    ("burst: 5, key: address", 'burst: 5, key: "header:X-Who"', "counted by address -> header:X", "widens"),
    ("many: {limit: 100/1m", "many: {concurrent: 100", "quota many: 100/60s, cost 2 -> 100 at", "widens"),
    ("{tier: many, cost: 2}", "many", "quota many: 100/60s, cost 2 -> 100/60s", "narrows"),
    ("{tier: many, cost: 2}, ", "", "quota many (100/60s, cost 2) no longer counts", "narrows"),
    ("pro: large, else", "pro: once, else", "quota of pro by claim:plan", "widens"),
    ("pro: large, else", "vip: large, else", "quota of vip by claim:plan", "widens"),
    ("by: claim:plan, pro", "by: tier, pro", "quota by claim:plan no longer counts", "widens"),
    (", {by: claim:plan, pro: large, else: small}", "", "by claim:plan no longer counts", "narrows"),
    ("on_failure: local", "on_failure: allow", "quota_store.on_failure: local -> allow", "narrows"),
    # With what.
    ("limits: {body: 16KiB}", "limits: {body: 17KiB}", "limits.body: 16384 B -> 17408 B", "narrows"),
    ("limits: {body: 1MiB}", "limits: {body: 2MiB}", "limits.body: 1MiB -> 2MiB", "narrows"),
    ("max_body: 4KiB", "max_body: 5KiB", "validate.max_body: 4096 B -> 5120 B", "narrows"),
    ("schema: body.json", "query: body.json", "validate.schema: nothing is held against it", "widens"),
    ('{"type": "object"}', "{}", "validate.schema: it says something else", "widens"),
    (
        "content_types: [application/json]",
        "content_types: [application/json, application/x+json]",
        "validate.content_types: application/x+json is added",
        "narrows",
    ),
    (
        "validate: {content_types: [application/json], max_body: 4KiB, schema: body.json}",
        "",
        "validate: nothing is validated any more",
        "narrows",
    ),
    # On whose behalf.
    ('csrf: {trusted: ["https://app.example"]}', 'csrf: "off"', "csrf: trusted -> off", "narrows"),
    (
        'csrf: {trusted: ["https://app.example"]}',
        'csrf: {trusted: ["https://app.example", "https://b.example"]}',
        "csrf.trusted: https://b.example is added",
        "narrows",
    ),
    (
        '["https://app.example", "https://*',
        '["https://b.test", "https://app.example", "https://*',
        "https://b.test is added",
        "narrows",
    ),
    ('["https://app.example", "https://*.site.example"]', '["*"]', "any origin is added", "narrows"),
    ('"https://*.site.example"', '"https://*.example"', "https://*.example is added", "narrows"),
    ("on_disallowed: reject", "on_disallowed: omit", "cors.on_disallowed: reject -> omit", "narrows"),
    ("max_age: 1m", "credentials: true", "cors.credentials: false -> true", "narrows"),
    ("max_age: 1m", "max_age: 1m, allow_headers: [X-A]", "cors.allow_headers: X-A is added", "narrows"),
    ("max_age: 1m", 'max_age: 1m, allow_headers: ["*"]', "cors.allow_headers: any is added", "narrows"),
    ("max_age: 1m", "max_age: 1m, allow_methods: [PUT]", "cors.allow_methods: PUT is added", "narrows"),
    ("max_age: 1m", "max_age: 2m", "cors.max_age", "narrows"),
    ("    cors: web\n", "", "cors: the service decides instead", "widens"),
    # Enforced or not.
    ("    cors: web\n", "    cors: web\n    report: [allow]\n", "report: allow is on trial", "narrows"),
    ("    cors: web\n", "    cors: web\n    report: [quota]\n", "report: quota is on trial", "narrows"),
    # Whereto, and what the service sees.
    ("upstream: shop", "upstream: bank", "upstream: shop -> bank", "widens"),
    ("redirect: {to: /new}", "upstream: bank", "requests reach bank", "narrows"),
    ("redirect: {to: /new}", "redirect: {to: https://b.test/}", "redirect.to", "widens"),
    ("    auth: oracle", "    auth: oracle\n    prefix: /x", "prefix, so the service", "widens"),
    ("    auth: oracle", '    auth: oracle\n    rewrite: {path: "/x"}', "rewrite, so the", "widens"),
    ("    auth: oracle", "    auth: oracle\n    upgrade: [websocket]", "upgrade: websocket is", "narrows"),
    ("X-Channel: a-channel", "X-Channel: b-channel", "request_headers.set: another X-Channel", "widens"),
    (", remove: [X-Simulate]", "", "request_headers.remove: x-simulate passes", "narrows"),
    ("headers: api", "headers: none", "header content-security-policy is no longer written", "narrows"),
    ("headers: api", "headers: helmet", "header server passes again", "widens"),
    # Listeners and the rest of gateway.yaml.
    ("[10.0.0.0/16]", "[10.0.0.0/15]", "trusted_proxies: 10.0.0.0/15 is added", "narrows"),
    ("[10.0.0.0/16]", "[10.0.0.0/16], forwarded_by: forwarded", "forwarded_by: x-forw", "widens"),
    ("[10.0.0.0/16]", "[10.0.0.0/16], trace_context: continue", "trace_context", "narrows"),
    ("[10.0.0.0/16]", "[10.0.0.0/16], path: {slashes: merge}", "path.slashes: refuse -> merge", "narrows"),
    ("[10.0.0.0/16]}", '[10.0.0.0/16]}\n  - {address: "127.0.0.1:3"}', "it is added", "narrows"),
    (", token: a-plain-token", "", "admin.token: hidden -> nothing", "narrows"),
    ('admin: {address: "127.0.0.1:2"', 'admin: {address: "0.0.0.0:2"', "admin.address", "widens"),
    ("timeouts: {head: 10s}", "timeouts: {head: 11s}", "timeouts.head: 10s -> 11s", "narrows"),
    ("limits: {body: 1MiB}", "limits: {body: 1MiB, fields: 200}", "limits.fields: 100 -> 200", "narrows"),
    ("http://127.0.0.1:4001", "http://127.0.0.1:2", "endpoints: 127.0.0.1:2 is added", "widens"),
    ("host: endpoint", "host: inner.example", "host: endpoint -> inner.example", "widens"),
    (", tls: {server_name: safe.example}", "", "tls is removed", "widens"),
    ("server_name: safe.example", "server_name: b.example", "tls.server_name: safe", "widens"),
    # Who vouches.
    ("leeway: 10s", "leeway: 11s", "leeway: 10s -> 11s", "narrows"),
    ("audience: [api], leeway", "audience: [api, web], leeway", "audience: web is added", "narrows"),
    ("jwks_origins: []", 'jwks_origins: ["https://b.example"]', "jwks_origins: https://b", "narrows"),
    ("https://away.example/keys", "https://b.example/keys", "jwks: https://away.example/keys ->", "widens"),
    ('"https://away.example", jwks', '"https://b.example", jwks', "issuer: https://away", "widens"),
    ("leeway: 10s", "leeway: 10s, algorithms: [RS256, ES256, PS256]", "algorithms: PS256 is", "narrows"),
    ("leeway: 10s", "leeway: 10s, claims: {roles: groups}", "claims.roles: roles -> groups", "widens"),
    ("leeway: 10s", "leeway: 10s, token: {query: token}", "token.query: nothing -> token", "widens"),
    ("leeway: 10s", "leeway: 10s, token: {forward: true}", "token.forward: false -> true", "narrows"),
    ("leeway: 10s", "leeway: 10s, insecure_http: true", "insecure_http: false -> true", "narrows"),
    ('client_secret: "0123"', 'client_secret: "4567"', "client_secret: has changed", "widens"),
    ('client_secret: "0123"', 'client_secret: "0123", cache: 2m', "introspection.cache: 60s", "narrows"),
    ("peer.example/ask", "peer.example/asks", "introspection.url", "widens"),
    ("127.0.0.1:4003/ask", "127.0.0.1:4003/yes", "url: http://127.0.0.1:4003/ask", "widens"),
    ("copy: [X-Team]", "copy: [X-Team], subject: X-Who", "subject: nothing -> X-Who", "widens"),
    ("copy: [X-Team]", "copy: [X-Team, X-Boss]", "copy: [X-Team] -> [X-Team, X-Boss]", "widens"),
    ("copy: [X-Team]", "copy: [X-Team], forward: true", "forward: false -> true", "narrows"),
    ("api_keys: {file: keys.yaml}", "api_keys: {file: keys.yaml, header: X-Key}", "header: X-API", "widens"),
    ("disabled: true", "disabled: false", "disabled: true -> false", "narrows"),
    ('expires: "2027', 'expires: "2028', 'expires: "2027-01', "narrows"),
    ("principal: probe, roles: [clerk]", "principal: probe, roles: [clerk, owner]", "owner is", "narrows"),
    ("principal: spare", "principal: probe", "principal: spare -> probe", "widens"),
    ("1" * 64, "2" * 64, "sha256: has changed", "widens"),
    ("a" * 53, "b" * 53, "hash: has changed", "widens"),
    (f'  - {{id: spare, sha256: "{"1" * 64}", principal: spare, disabled: true}}\n', "", "it is removed", ""),
    # Routes.
    (
        "  - {id: old",
        "  - {id: new, match: {path: /admin/open}, auth: [home, public]}\n  - {id: old",
        "added: any method /admin/open, for anybody",
        "narrows",
    ),
]


def _id(row):
    return f"{' '.join(row[0].split())[:36]} to {' '.join(row[1].split())[:48]}"


@pytest.mark.parametrize(
    ("before", "after", "words", "other"), [pytest.param(*row, id=_id(row)) for row in WIDENING]
)
def test_what_widens_is_found_and_its_reverse_is_told_apart(changes, before, after, words, other):
    told = changes((before, after))
    reverse = changes((before, after), backwards=True)
    if not other:
        # A key that goes narrows, one that comes widens.
        told, reverse, other, words = reverse, told, "narrows", "it is added"
    assert words in "\n".join([each.what for each in told if each.kind is Kind.WIDENS])
    assert (other == "widens") == (Kind.WIDENS in {each.kind for each in reverse})
    assert reverse


def test_equal_configurations_do_not_differ(changes):
    assert [] == changes()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param(
            "leeway: 10s", "leeway: 10s, resource_metadata: https://a.example/x", "has", id="issuer"
        ),
        pytest.param('http://127.0.0.1:4001"]', 'http://127.0.0.1:4001"], outlier: {}', "outlier", id="pool"),
        pytest.param("    auth: oracle", "    auth: oracle\n    compress: true", "compress", id="compress"),
        pytest.param("    auth: oracle", "    auth: oracle\n    timeouts: {idle: 1s}", "timeouts", id="time"),
        pytest.param("version: 1", "version: 1\nname: other", "name: azora-gateway -> other", id="name"),
        pytest.param('path: "/bills/{bill}"', 'path: "/bills/{id}"', "path", id="name of a variable"),
        pytest.param(
            "policies: [policies]", "policies: [policies]\ntelemetry: {decisions: 1}", "1", id="log"
        ),
        pytest.param("  oracle:", '  seer: {url: "http://127.0.0.1:9"}\n  oracle:', "added", id="unnamed"),
    ],
)
def test_what_lets_nobody_in_only_changes(changes, before, after, words):
    words = words.replace("has", "resource_metadata")
    told = changes((before, after))
    assert ({Kind.CHANGES}, True) == ({each.kind for each in told}, words in told[0].what)


def test_variables_that_change_places_widen_though_the_condition_stays(changes):
    """Whose documents they are is asked of the name of the document."""
    pair = ('"/people/{who}"', '"/people/{who}/{paper}"')
    told = changes(("{who}/{paper}", "{paper}/{who}"), both=(pair,))
    assert "the condition path.who == subject asks for other parts of the path" in [
        each.what for each in told if each.kind is Kind.WIDENS
    ]


def test_variables_of_a_rewrite_that_change_places_widen(changes):
    shop = ("    auth: oracle", '    auth: oracle\n    rewrite: {path: "/of/{a}/{b}"}')
    path = ("/shop/{rest...}", "/shop/{a}/{b}")
    told = changes(("/shop/{a}/{b}", "/shop/{b}/{a}"), both=(shop, path))
    assert "rewrite takes other parts of the path" in [each.what for each in told if each.kind is Kind.WIDENS]


def test_a_schema_that_python_would_take_for_the_same_is_another(changes):
    both = (('{"type": "object"}', '{"const": 1}'),)
    told = changes(('{"const": 1}', '{"const": true}'), both=both)
    assert ["validate.schema: it says something else"] == [each.what for each in told]


def test_a_route_in_a_bucket_of_its_own_widens_though_the_tier_is_no_larger(changes):
    """Ten a minute here, and ten more there."""
    fresh = ("  many: {", "  own: {limit: 10/1m, burst: 5, key: address}\n  many: {")
    told = changes(("quota: [few, ", "quota: [own, "), both=(fresh,))
    assert "quota few (10/60s, burst 5) no longer counts" in [
        each.what for each in told if each.kind is Kind.WIDENS
    ]


def test_what_is_on_trial_on_both_sides_changes_nothing(changes):
    report = ("    cors: web\n", "    cors: web\n    report: [quota, allow, clients, cors]\n")
    told = changes(("pro: large, else", "pro: once, else"), ("[10.0.0.0/8]", "[]"), both=(report,))
    assert {Kind.CHANGES} == {each.kind for each in told}


def test_what_is_enforced_again_narrows_whatever_it_is(changes):
    report = ("    cors: web\n", "    cors: web\n    report: [quota]\n")
    told = changes(("report: [quota]", "report: []"), ("burst: 5", "burst: 6"), both=(report,))
    assert {Kind.CHANGES, Kind.NARROWS} == {each.kind for each in told}


def test_cors_that_is_enforced_again_widens_as_it_permits(changes):
    """What the service said before is replaced by what the gateway says."""
    report = ("    cors: web\n", "    cors: web\n    report: [cors]\n")
    told = changes(("report: [cors]", "report: []"), both=(report,))
    assert {(Kind.WIDENS, False), (Kind.NARROWS, True)} == {(each.kind, each.proved) for each in told}


def test_an_open_route_falls_to_nobody_when_it_asks_who_it_is(changes):
    public = 'path: "/{rest...}"}\n    auth: public', 'path: "/{rest...}"}\n    auth: home'
    assert {Kind.NARROWS} == {each.kind for each in changes(public)}
    told = changes(public, backwards=True)
    assert "anybody may newly ask" in [each.what for each in told if each.kind is Kind.WIDENS]


def test_requests_of_a_removed_route_are_followed_to_the_route_that_takes_them(compared, routes):
    """`/admin/secret` is left to the bosses, and `/admin` to everybody."""
    secret = routes["secret"]
    admin = routes["admin"]
    groups = compared((secret, ""), (admin, ""))
    moved = {name: each.changes for each in groups for name in each.names if name.startswith("requests of")}
    assert 2 == len(moved)
    for changes in moved.values():
        assert "anybody may newly ask" in changes[0].what or "auth: public is added" in changes[0].what


def test_a_stricter_route_inside_of_another_narrows(changes):
    fresh = (
        "  - {id: inner, match: {path: /bills/own, methods: [GET]}, allow: {roles: [owner]}}\n  - {id: old"
    )
    told = changes(("  - {id: old", fresh), both=(("    cors: web\n", ""), (CLIENTS, ""), (QUOTA, "")))
    (added,) = [each for each in told if each.what.startswith("added")]
    assert Kind.NARROWS is added.kind
    assert added.what.endswith("before: bills")


def test_a_new_route_that_takes_from_a_stricter_one_widens_though_it_takes_from_an_open_one_too(changes):
    """`/{a}/key` is for owners; what is new is stricter than the open rest, and laxer than that."""
    strict = (
        "  - {id: old",
        '  - {id: key, match: {path: "/{a}/key"}, allow: {roles: [owner]}}\n  - {id: old',
    )
    fresh = (
        "  - {id: old",
        '  - {id: team, match: {path: "/team/{b}"}, allow: {roles: [clerk]}}\n  - {id: old',
    )
    told = changes(fresh, both=(strict,))
    assert Kind.WIDENS in {each.kind for each in told if each.what.startswith("added")}
    assert "clerk may newly ask" in [each.what for each in told if each.kind is Kind.WIDENS]


def test_another_method_of_a_place_that_was_refused_is_found(changes, routes):
    """The place of `/pay` answers 405 to all other methods; without it they go to the open rest."""
    pay = routes["pay"]
    told = changes((pay, ""))
    assert "takes what no route took, such as GET /pay" in [
        each.what for each in told if each.kind is Kind.WIDENS
    ]


def test_a_route_that_was_renamed_is_followed(compared):
    groups = compared(("id: mine", "id: own"), ("when: path.who == subject", "roles: [guest]"))
    text = "\n".join([each.what for group in groups for each in group.changes])
    assert "own has its match: was it renamed?" in text
    assert "requests of mine that own takes now, such as GET /people/any-other" in [
        name for group in groups for name in group.names
    ]
    assert "guest may newly ask without a condition (GET PUT)" in text


def test_a_redirection_takes_requests_from_nobody_who_could_mind(changes, routes):
    admin = routes["admin"]
    web = '  - {id: web, match: {host: w.example, path: "/{r...}"}, redirect: {to: /a}}\n'
    everywhere = ("  - {id: old", f"{web}  - {{id: old")
    told = changes((admin, ""), both=(everywhere,))
    assert "they are answered and reach no service" in [
        each.what for each in told if each.kind is Kind.NARROWS
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("token: a-plain-token", "token: another-token", id="token"),
        pytest.param('client_secret: "0123"', 'client_secret: "4567"', id="client secret"),
        pytest.param("key=a-query", "key=b-query", id="query of a URL"),
        pytest.param("1" * 64, "2" * 64, id="key"),
        pytest.param("a" * 53, "b" * 53, id="hash"),
        pytest.param("X-Channel: a-channel", "X-Channel: b-channel", id="field for the service"),
        pytest.param("X-Door: a-knock", "X-Door: b-knock", id="field that is asked for"),
        pytest.param("few: {limit: 10/1m", "few: {limit: 11/1m", id="nothing to hide"),
        pytest.param(
            "http://127.0.0.1:4003/ask", "http://me:a-word@127.0.0.1:4003/ask", id="password in a URL"
        ),
    ],
)
def test_no_secret_is_told(changes, before, after):
    try:
        text = "\n".join([each.what for each in changes((before, after))])
    except ConfigError as refused:
        text = str(refused)
    for secret in (
        "plain-token",
        "another-token",
        "0123",
        "4567",
        "query",
        "111",
        "222",
        "aaa",
        "bbb",
        "a-word",
    ):
        assert secret not in text
    for secret in ("a-channel", "b-channel", "a-knock", "b-knock"):
        assert secret not in text


def test_what_comes_from_outside_is_told_as_its_file_spells_it(tmp_path, changes, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("bills:secret")
    told = changes(('"shop:see"', f'"${{file:{secret}}}"'))
    text = "\n".join([each.what for each in told])
    assert (False, True) == ("bills:secret" in text, "${file:" in text)


@pytest.fixture
def folders(compared, tmp_path):
    """Writes two configurations; gives the arguments that compare them."""

    def write(*pairs):
        compared(*pairs)
        return [str(tmp_path / "old"), str(tmp_path / "new" / "gateway.yaml")]

    return write


@pytest.mark.parametrize(
    ("pair", "status"),
    [
        pytest.param(("leeway: 10s", "leeway: 11s"), 1, id="widens"),
        pytest.param(("leeway: 10s", "leeway: 9s"), 0, id="narrows"),
        pytest.param(("version: 1", "version: 1\nname: b"), 0, id="changes"),
        pytest.param(("version: 1", "version: 1"), 0, id="differs in nothing"),
    ],
)
def test_status_is_for_pipelines(folders, capsys, pair, status):
    assert status == main(["diff", *folders(pair)])
    assert capsys.readouterr().out


def test_each_line_has_its_places(folders, capsys, tmp_path):
    main(["diff", *folders(("leeway: 10s", "leeway: 11s"))])
    out = capsys.readouterr().out
    assert out.splitlines() == [
        "issuer home",
        "  widens   leeway: 10s -> 11s",
        f"           {tmp_path}/old/gateway.yaml:13 -> {tmp_path}/new/gateway.yaml:13",
        "",
        "1 widens, 0 narrows, 0 changes",
    ]


def test_json_is_for_programs(folders, capsys):
    main(["diff", "--format", "json", *folders(("leeway: 10s", "leeway: 9s"))])
    told = json.loads(capsys.readouterr().out)
    (line,) = told.pop("lines")
    assert {"widens": 0, "narrows": 1, "changes": 0} == told
    assert (["issuer home"], "narrows", True) == (line["about"], line["class"], line["proved"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(None, "expected a file that can be read", id="is not there"),
        pytest.param("version: 2\n", "version", id="does not load"),
    ],
)
def test_configuration_that_cannot_be_compared_is_no_widening(folders, capsys, tmp_path, text, words):
    arguments = folders()
    broken = tmp_path / "new" / "gateway.yaml"
    broken.unlink() if text is None else broken.write_text(text)
    assert 2 == main(["diff", *arguments])
    out, err = capsys.readouterr()
    assert ("", True) == (out, words in err)


def test_the_configuration_of_the_repository_is_compared_with_itself(tmp_path, capsys, monkeypatch):
    """A directory may have it in `config`."""
    for folder in ("config", "policies"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(ROOT)
    assert 0 == main(["diff", ".", str(tmp_path)])
    assert "nothing differs\n" == capsys.readouterr().out
