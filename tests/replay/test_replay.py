"""Lines in a row: equal ones are rehearsed once, and what a running gateway logs is repeated."""

import json

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config.load import load
from gateway.rehearsal import RehearsalPorts, Stage
from gateway.replay import replay as module
from gateway.replay.recorded import Unread
from gateway.replay.replay import Replay
from gateway.replay.side import Side

NOBODY = {"principal": "", "roles": []}


@pytest.fixture
def counted(sides, line, monkeypatch):
    """How many requests are rehearsed for these lines."""

    def count(members):
        old, new = sides()
        asked = []
        rehearse = Side.rehearse
        monkeypatch.setattr(Side, "rehearse", lambda *args: asked.append(args[0]) or rehearse(*args))
        replaying = Replay(old, new)
        for each in members:
            replaying.take(line(**each))
        assert len(members) == replaying.tally.requests
        return asked.count(old)

    return count


@pytest.mark.parametrize(
    ("members", "times"),
    [
        pytest.param([{}] * 50, 1, id="equal"),
        pytest.param([{"principal": f"p{number}"} for number in range(50)], 2, id="who asks does not matter"),
        pytest.param(
            [{"path": "/open", "route": "open", "client": f"10.0.0.{number}"} for number in range(50)],
            2,
            id="nor from where",
        ),
        pytest.param([{"client": f"10.0.0.{number}"} for number in range(50)], 50, id="from where matters"),
        pytest.param([{"roles": [f"r{number}"]} for number in range(50)], 50, id="roles matter"),
        pytest.param(
            [{"path": "/people/p", "route": "mine", "principal": f"p{number}"} for number in range(50)],
            50,
            id="who asks matters",
        ),
    ],
)
def test_equal_requests_are_rehearsed_once(counted, members, times):
    assert times >= counted(members)


def test_what_is_remembered_has_a_bound(replayed, line, monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED_AT_MOST", 3)
    lines = [line(path=f"/nowhere/{number % 10}", route="_unmatched") for number in range(40)]
    assert 40 == replayed(lines).requests


@pytest.mark.parametrize(
    ("members", "why"),
    [
        pytest.param({"path": "/a\r\nX: y"}, Unread.TORN, id="a line break in a path"),
        pytest.param({"method": "GET /x HTTP/1.1\r\n\r\nGET"}, Unread.TORN, id="a second request"),
        pytest.param({"principal": "a\x00b"}, Unread.TORN, id="a principal that no token names"),
        pytest.param(
            {"roles": [f"{number}" * 200 for number in range(31)]}, Unread.TORN, id="roles that no head holds"
        ),
        pytest.param(
            {"method": "OPTIONS", "decision": "answered", "status": 204, "attempts": 0},
            Unread.PREFLIGHT,
            id="a preflight",
        ),
    ],
)
def test_what_cannot_be_rehearsed_is_counted(replayed, line, members, why):
    tally = replayed([line(**members)])
    assert (0, 1) == (tally.requests, tally.unread[why])


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"method": ""}, id="no method"),
        pytest.param({"method": "\u00e9"}, id="a method that is none"),
        pytest.param({"path": ""}, id="no path"),
        pytest.param({"path": "*"}, id="an asterisk"),
        pytest.param({"path": "/%zz"}, id="no path that is read"),
        pytest.param({"host": "a b"}, id="no host"),
        pytest.param({"client": "nowhere"}, id="no address"),
        pytest.param({"client": "\u202e"}, id="nothing like an address"),
        pytest.param({"route": "\x1b[2J"}, id="no route"),
    ],
)
def test_a_forged_line_is_not_as_old_decides(replayed, line, members):
    tally = replayed([line(**members)])
    assert (1, 1) == (tally.requests, len(tally.mismatches()))


def test_nothing_differs_from_itself(sides, line):
    """Whatever a line says, forged or not: two configurations that are the same decide it alike."""
    old, new = sides()

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "x"]),
        st.sampled_from(
            ["/bills", "/pay", "/people/ada", "/open", "/either", "/old", "/colour", "/a//b", "/no"]
        ),
        st.sampled_from(
            ["bills", "pay", "mine", "open", "either", "old", "blue", "plain", "_unmatched", "no"]
        ),
        st.sampled_from(["", "ada", "bob"]),
        st.lists(st.sampled_from(["clerk", "boss"])),
        st.sampled_from(["passed", "answered", "refused", "failed", "aborted"]),
        st.sampled_from(
            ["", "allow", "auth", "quota", "clients", "cors", "csrf", "validate", "limits", "route"]
        ),
        st.sampled_from(["", "missing_permission", "no_credentials", "invalid_token", "quota_exceeded"]),
        st.sampled_from([0, 1, 2000]),
    )
    def holds(method, path, route, principal, roles, decision, policy, reason, size):
        said = {"method": method, "path": path, "route": route, "principal": principal, "roles": roles}
        said |= {"decision": decision, "policy": policy, "reason": reason, "bytes_in": size}
        replaying = Replay(old, new)
        replaying.take(line(**said, attempts=int(decision == "passed")))
        assert [] == [*replaying.tally.differences(), *replaying.tally.doubts()]

    holds()


ROUTES = """\
tiers: {few: {limit: 2/1h, burst: 2, key: address}}
roles: {clerk: {permissions: ["bills:read"]}, boss: {permissions: ["*"]}}
cors: {web: {allow_origins: ["https://app.example"], on_disallowed: reject}}
defaults: {upstream: backend, auth: home}
routes:
  - {id: open, match: {path: /open}, auth: public, cors: web}
  - {id: few, match: {path: /few}, auth: public, quota: [few]}
  - {id: bills, match: {path: "/bills/{bill}", methods: [GET]}, allow: {permissions: ["bills:read"]}}
  - {id: pay, match: {path: /pay}, allow: {scopes: [pay]}, limits: {body: 10B}}
  - {id: mine, match: {path: "/people/{who}"}, allow: {when: "path.who == claims.sub or claims.team == 'it'"}}
  - {id: boss, match: {path: /boss}, allow: {roles: [boss]}}
  - {id: old, match: {path: /old}, redirect: {to: /new}, auth: public}
  - {id: blue, match: {path: /colour, headers: {X-Colour: blue}}, auth: public}
  - {id: plain, match: {path: /colour}, auth: public}
  - {id: denied, match: {path: /denied}, auth: public, clients: {deny: [127.0.0.0/8]}}
"""
MORE = """
issuers:
  home: {issuer: "https://id.example", audience: [api], algorithms: [ES256], keys: [JWK]}
telemetry: {access_log: {path: "FOLDER/access.log"}}
"""


def usual(now):
    return {"iss": "https://id.example", "aud": "api", "sub": "thandi", "exp": int(now) + 600}


async def test_what_a_running_gateway_logged_is_repeated(
    serve, backend, url, session, signer, tmp_path, ports
):
    """Whatever it decided, the configuration that it ran decides the same of its log."""

    async def answer(request):
        return web.Response(text="ok")

    more = MORE.replace("JWK", json.dumps(signer().jwk)).replace("FOLDER", str(tmp_path))
    gateway = await serve(await backend(answer), policies=ROUTES, more=more)
    bearer = {
        name: {"Authorization": f"Bearer {signer().token(claims | usual(ports.wall())).decode()}"}
        for name, claims in {
            "clerk": {"roles": ["clerk"]},
            "pay": {"scope": "pay", "team": "it"},
            "boss": {"roles": ["boss"]},
        }.items()
    }
    asked = [
        *[
            ("GET", path, None, None)
            for path in ("/open", "/few", "/few", "/few", "/bills/1", "/old", "/no", "/denied")
        ],
        *[
            ("GET", path, who, None)
            for who in bearer
            for path in ("/bills/1", "/people/thandi", "/people/b", "/boss")
        ],
        *[("POST", "/pay", who, body) for who in bearer for body in (b"short", b"much too long")],
        *[
            ("DELETE", "/bills/1", "clerk", None),
            ("PUT", "/open", None, b"a body"),
            ("GET", "/colour", None, None),
        ],
    ]
    for method, path, who, body in asked:
        async with session.request(
            method, url(gateway, path), headers=bearer.get(who), data=body, allow_redirects=False
        ) as response:
            await response.read()
    more_fields = [
        {"X-Colour": "blue", "path": "/colour"},
        {"Origin": "https://evil.example", "path": "/open"},
        {"Authorization": "Bearer nonsense", "path": "/bills/2"},
    ]
    for fields in more_fields:
        path = fields.pop("path")
        async with session.get(url(gateway, path), headers=fields) as response:
            await response.read()
    await gateway.stop()

    path = tmp_path / "configuration" / "gateway.yaml"
    environ = {}
    sides = [Side(Stage(load(path, environ), RehearsalPorts(0.0)), 0) for _ in range(2)]
    replaying = Replay(*sides)
    lines = (tmp_path / "access.log").read_bytes().splitlines()
    for each in lines:
        replaying.take(each)
    tally = replaying.tally
    assert len(asked) + len(more_fields) == len(lines) == tally.requests
    assert [] == [group.cause for group in (*tally.mismatches(), *tally.doubts(), *tally.differences())]
