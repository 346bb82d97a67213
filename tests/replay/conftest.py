"""Two configurations that differ by a few words, and lines of the log that the first of them wrote."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import load
from gateway.rehearsal import RehearsalPorts, Stage
from gateway.replay.replay import Replay
from gateway.replay.side import Side
from gateway.replay.tally import Tally

FILES = {
    "gateway.yaml": """\
version: 1
listeners: [{address: "127.0.0.1:1"}]
upstreams:
  bank: {endpoints: ["http://127.0.0.1:4001"]}
  shop: {endpoints: ["http://127.0.0.1:4002"]}
issuers:
  home: {issuer: "https://home.example", discovery: true, audience: [api]}
  away: {issuer: "https://away.example", jwks: "https://away.example/keys", audience: [api]}
policies: [policies]
defaults: {headers: api, auth: home, upstream: bank}
""",
    "policies/routes.yaml": """\
tiers:
  few: {limit: 10/1m, key: address}
  many: {limit: 100/1m, key: principal}
roles:
  clerk: {permissions: ["bills:read"]}
  boss: {permissions: ["*"]}
cors:
  web: {allow_origins: ["https://app.example"]}
  strict: {allow_origins: ["https://app.example"], on_disallowed: reject}
routes:
  - id: bills
    match: {path: /bills, methods: [GET]}
    allow: {permissions: ["bills:read"]}
    quota: [few, many]
    clients: {deny: [10.1.0.0/16]}
  - id: pay
    match: {path: /pay, methods: [POST]}
    allow: {permissions: ["bills:read"], scopes: [pay]}
    validate: {content_types: [application/json], schema: body.json}
    limits: {body: 1KiB}
    cors: web
  - id: mine
    match: {path: "/people/{who}", methods: [GET]}
    allow: {when: "path.who == subject or claims.team == 'it'"}
  - {id: open, match: {path: /open}, auth: public}
  - {id: either, match: {path: /either}, auth: [home, public]}
  - {id: old, match: {path: /old}, redirect: {to: /new}, auth: public}
  - {id: blue, match: {path: /colour, headers: {X-Colour: blue}}, auth: public}
  - {id: plain, match: {path: /colour}, auth: public, upstream: shop}
""",
    "policies/body.json": '{"type": "object"}',
}

USUAL = {
    **{"type": "access", "request_id": "a" * 32, "method": "GET", "host": "localhost", "path": "/bills"},
    **{"client": "192.0.2.7", "route": "bills", "principal": "ada", "roles": ["clerk"], "decision": "passed"},
    **{"policy": "", "reason": "", "status": 200, "attempts": 1, "bytes_in": 0, "config_version": "v"},
}
NOBODY = {"principal": "", "roles": []}


@pytest.fixture
def line() -> Callable[..., bytes]:
    """A line of the log: that of a request which passed, with other members."""
    return lambda **members: json.dumps(USUAL | members).encode()


@pytest.fixture
def refused() -> Callable[..., dict[str, Any]]:
    """The members of a line that tell of a refusal."""

    def members(policy: str, reason: str, status: int = 403, **more: Any) -> dict[str, Any]:
        said = {"decision": "refused", "policy": policy, "reason": reason, "status": status}
        return {**said, "attempts": 0, **more}

    return members


@pytest.fixture
def folders(tmp_path: Path) -> Callable[..., list[str]]:
    """Write both; each pair is a text of FILES and what stands there instead, in the new one."""

    def write(*pairs: tuple[str, str]) -> list[str]:
        texts = dict(FILES)
        for before, after in pairs:
            (file,) = [file for file, text in texts.items() if text.count(before) == 1]
            texts[file] = texts[file].replace(before, after)
        for name, files in (("old", FILES), ("new", texts)):
            (tmp_path / name / "policies").mkdir(parents=True, exist_ok=True)
            for file, text in files.items():
                (tmp_path / name / file).write_text(text)
        return [str(tmp_path / "old"), str(tmp_path / "new" / "gateway.yaml")]

    return write


@pytest.fixture
def sides(folders: Callable[..., list[str]], tmp_path: Path) -> Callable[..., tuple[Side, Side]]:
    """Both configurations, ready to be rehearsed on."""

    def make(*pairs: tuple[str, str]) -> tuple[Side, Side]:
        folders(*pairs)
        stages = [
            Stage(load(tmp_path / name / "gateway.yaml", {}), RehearsalPorts(0.0)) for name in ("old", "new")
        ]
        return Side(stages[0], 0), Side(stages[1], 0)

    return make


@pytest.fixture
def replayed(sides: Callable[..., tuple[Side, Side]]) -> Callable[..., Tally]:
    """What becomes of lines on both."""

    def replay(lines: list[bytes], *pairs: tuple[str, str]) -> Tally:
        replaying = Replay(*sides(*pairs))
        for each in lines:
            replaying.take(each)
        return replaying.tally

    return replay


@pytest.fixture
def cause(replayed: Callable[..., Tally], line: Callable[..., bytes]) -> Callable[..., Any]:
    """Why one line differs, None where it does not."""

    def find(members: dict[str, Any], *pairs: tuple[str, str]) -> Any:
        tally = replayed([line(**members)], *pairs)
        assert 1 == tally.requests
        groups = [*tally.differences(), *tally.doubts(), *tally.mismatches()]
        return groups[0].cause if groups else None

    return find
