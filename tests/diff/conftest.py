"""Two configurations that differ by a few words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.diff.change import Change, Group
from gateway.diff.run import differences
from gateway.rehearsal import RehearsalPorts, Stage

FILES = {
    "gateway.yaml": """\
version: 1
listeners:
  - {address: "127.0.0.1:1", trusted_proxies: [10.0.0.0/16]}
admin: {address: "127.0.0.1:2", token: a-plain-token}
limits: {body: 1MiB}
timeouts: {head: 10s}
quota_store: {on_failure: local}
upstreams:
  bank: {endpoints: ["http://127.0.0.1:4001"]}
  shop: {endpoints: ["http://127.0.0.1:4002"], host: endpoint}
  safe: {endpoints: ["https://safe.example"], tls: {server_name: safe.example}}
issuers:
  home: {issuer: "https://home.example", discovery: true, audience: [api], leeway: 10s, jwks_origins: []}
  away: {issuer: "https://away.example", jwks: "https://away.example/keys", audience: [api]}
  peer: {introspection: {url: "https://peer.example/ask?key=a-query", client_id: us, client_secret: "0123"}}
api_keys: {file: keys.yaml}
basic_users: {file: users.yaml}
forward_auth:
  oracle: {url: "http://127.0.0.1:4003/ask", copy: [X-Team]}
policies: [policies]
defaults: {headers: api, auth: home, upstream: bank}
""",
    "keys.yaml": f"""\
keys:
  - {{id: probe, sha256: "{"0" * 64}", principal: probe, roles: [clerk], expires: "2027-01-01T00:00:00Z"}}
  - {{id: spare, sha256: "{"1" * 64}", principal: spare, disabled: true}}
""",
    "users.yaml": f"""\
users:
  - {{name: ada, hash: "$2b$12${"a" * 53}", roles: [clerk]}}
""",
    "policies/routes.yaml": """\
roles:
  clerk: {permissions: ["bills:read"]}
  boss: {inherits: [clerk], permissions: ["bills:write"]}
  guest: {permissions: ["shop:see"]}
  owner: {permissions: ["*"]}
tiers:
  few: {limit: 10/1m, burst: 5, key: address}
  many: {limit: 100/1m, key: principal}
  large: {limit: 50/1m, key: principal}
  small: {limit: 20/1m, key: principal}
  once: {concurrent: 2, key: principal}
cors:
  web: {allow_origins: ["https://app.example", "https://*.site.example"], on_disallowed: reject, max_age: 1m}
routes:
  - id: bills
    match: {path: "/bills/{bill}", methods: [GET]}
    allow: {permissions: ["bills:read"]}
    quota: [few, {tier: many, cost: 2}, {by: claim:plan, pro: large, else: small}]
    clients: {allow: [10.0.0.0/8], deny: [10.1.0.0/16]}
    cors: web
  - id: pay
    match: {path: /pay, methods: [POST]}
    allow: {permissions: ["bills:read", "bills:write"], scopes: [pay]}
    validate: {content_types: [application/json], max_body: 4KiB, schema: body.json}
    limits: {body: 16KiB}
    csrf: {trusted: ["https://app.example"]}
    request_headers: {set: {X-Channel: a-channel}, remove: [X-Simulate]}
  - id: mine
    match: {path: "/people/{who}", methods: [GET, PUT]}
    auth: [home, api_key]
    allow: {when: path.who == subject}
  - id: shop
    match: {host: shop.example, path: "/shop/{rest...}"}
    upstream: shop
    auth: oracle
  - id: secret
    match: {path: /admin/secret, methods: [GET], headers: {X-Door: a-knock}}
    allow: {roles: [owner]}
  - id: admin
    match: {path: "/admin/{rest...}"}
    allow: {roles: [owner, boss]}
  - id: open
    match: {path: "/{rest...}"}
    auth: public
  - {id: old, match: {path: /old}, redirect: {to: /new}, auth: public}
""",
    "policies/body.json": '{"type": "object"}',
}


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., list[Group]]:
    """The groups of a difference. Each pair is a text of FILES and what stands there instead, in the new one.

    `both` has pairs that are replaced on both sides.
    """

    def stage(name: str, *pairs: tuple[str, str]) -> Stage:
        files = dict(FILES)
        for before, after in pairs:
            (file,) = [file for file, text in files.items() if text.count(before) == 1]
            files[file] = files[file].replace(before, after)
        (tmp_path / name / "policies").mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
        return Stage(load(tmp_path / name / "gateway.yaml", {}), RehearsalPorts(0.0))

    def compare(
        *pairs: tuple[str, str], both: tuple[tuple[str, str], ...] = (), backwards: bool = False
    ) -> list[Group]:
        old, new = stage("old", *both), stage("new", *both, *pairs)
        return differences(new, old) if backwards else differences(old, new)

    return compare


@pytest.fixture
def changes(compared: Callable[..., list[Group]]) -> Callable[..., list[Change]]:
    """The same as a list of changes."""
    return lambda *pairs, **words: [change for group in compared(*pairs, **words) for change in group.changes]


@pytest.fixture
def routes() -> dict[str, str]:
    """The text of each route in FILES, by its id."""
    _, _, listed = FILES["policies/routes.yaml"].partition("routes:\n")
    texts = [f"  - {text}" for text in listed.split("  - ")[1:]]
    return {text.partition("id: ")[2].partition("\n")[0]: text for text in texts}
