"""The repository's own configuration: it passes the check, and each of its routes leads to its service."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pytest
import yaml

from gateway.app import Gateway
from gateway.cli import main
from gateway.config.load import load_snapshot
from gateway.demo.issuer import issuer
from gateway.demo.services import environment, services

POLICIES = Path(__file__).parents[2] / "policies"
# A path has to name what the services hold; what is not listed is called `<name>-1`.
SAMPLES = {"service": "azora-pay", "month": "2026-01", "rest...": "a/b"}
# What a route that looks into bodies has to find there; the others take an empty object.
BODIES = {
    "pay-charge-create": {"user": "user-1", "amount": 4900},
    "mint-transfer-create": {"to": "wallet-2", "amount": 5},
    "mint-issue-create": {"amount": 10, "memo": "A test"},
}
# A user needs more than the role here.
ASKS_ADMINS_TOO = ("pay-refund-create", "mint-transfer-create")
# Seconds in which every bucket has room for one more.
QUOTAS_FILL_IN = 6
# Who needs no token: listings, what comes before a login, how it is and what misbehaves, and an echo for all.
PUBLIC = {
    *("gateway-product-list", "gateway-product-read", "gateway-search", "gateway-search-phone"),
    *("gateway-flag-list", "gateway-echo", "auth-session-create", "auth-user-create"),
    *("education-course-list", "education-course-read", "forge-listing-list", "forge-listing-read"),
    *("sapiens-topic-list", "family-persona-list", "family-persona-read", "mint-reward-list"),
    *("health-status", "health-probe-slow", "health-probe-fail", "health-probe-drop"),
    *("robots", "www-redirect"),
}
# The statuses that are no success: a chat without its handshake, a probe that fails, an old name.
OTHERS = {"family-chat": 400, "health-probe-fail": 500, "www-redirect": 308}
# A user of ours with every right, a stranger with the rights of a student, and a student of another wallet.
ADMIN = {"subject": "user-1", "roles": ["admin"], "scopes": ["pay.refund"]}
STRANGER = {"subject": "user-9", "roles": ["student"], "scopes": []}
NEIGHBOUR = STRANGER | {"sid": "session-9", "wallet": "wallet-9"}


@final
@dataclass(frozen=True)
class Asked:
    """A request that a route takes, and what the route demands of a principal."""

    id: str
    method: str
    path: str
    fields: dict[str, str]
    allow: dict[str, Any]


def read() -> Iterator[dict[str, Any]]:
    """What each file of policies says."""
    for file in sorted(POLICIES.glob("*.yaml")):
        yield yaml.CSafeLoader(file.read_bytes()).get_single_data()


def routes() -> Iterator[Asked]:
    """A request for each route and each of its methods."""
    for policies in read():
        defaults = policies.get("defaults", {})
        for route in policies["routes"]:
            match = route["match"]
            path = re.sub(r"{(.+?)}", lambda hole: SAMPLES.get(hole[1], f"{hole[1]}-1"), match["path"])
            fields = match.get("headers", {}) | ({"Host": match["host"]} if "host" in match else {})
            allow = {} if route["id"] in PUBLIC else route.get("allow", defaults.get("allow"))
            for method in match.get("methods", ["GET"]):
                yield Asked(route["id"], method, defaults.get("prefix", "") + path, fields, allow)


def granted() -> dict[str, set[str]]:
    """What each role has, with what it inherits, as it stands written."""
    roles = next(policies["roles"] for policies in read() if "roles" in policies)

    def all_of(name: str) -> set[str]:
        own = set(roles[name]["permissions"])
        return own.union(*map(all_of, roles[name].get("inherits", [])))

    return {name: all_of(name) for name in roles}


def demanded() -> set[str]:
    return {permission for asked in routes() for permission in asked.allow.get("permissions", ())}


def test_it_passes_the_check(capsys, monkeypatch):
    monkeypatch.chdir(POLICIES.parent)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    assert 0 == main(["check"])
    assert re.match(r"ok: \d+ routes, 10 upstreams, ", capsys.readouterr().out)


@pytest.fixture
async def ask(repository, ports, skipping, session, url):
    """What comes of requests, each shown a token that says this, or none: their statuses and reasons."""

    async def ask(requests):
        seen = []
        async with services() as running, issuer() as signing:
            environ = environment(running) | {"AZORA_ISSUER": signing.issuer}
            gateway = Gateway(load_snapshot(repository, environ, ports), ports)
            await gateway.start()
            for asked, says in requests:
                skipping.skipped += QUOTAS_FILL_IN
                headers = asked.fields | (bearer(signing, **says) if says else {})
                async with session.request(
                    *(asked.method, url(gateway, asked.path)),
                    json=BODIES.get(asked.id, {}) if asked.method in ("POST", "PUT") else None,
                    headers=headers,
                    params={"seconds": "0"},
                    allow_redirects=False,
                ) as response:
                    is_ours = response.content_type == "application/problem+json"
                    reason = (await response.json())["reason"] if is_ours else None
                    assert "nosniff" == response.headers["X-Content-Type-Options"]
                    seen.append((response.status, reason))
            await gateway.stop()
        return seen

    return ask


def bearer(signing, subject, roles, scopes, **claims):
    token = signing.token(subject, roles, scopes, time.time(), **claims)
    return {"Authorization": f"Bearer {token}"}


async def test_every_route_leads_to_its_service(ask):
    """No answer is a problem of the gateway's own, and each has fields of its policy."""
    asked = [*routes()]
    seen = await ask([(one, ADMIN) for one in asked])
    assert {} == {one.id: answer for one, answer in zip(asked, seen, strict=True) if answer[1]}
    others = {one.id: status for one, (status, _) in zip(asked, seen, strict=True) if status >= 300}
    assert OTHERS == others
    assert len(seen) >= 60


async def test_what_is_not_public_asks_who_is_there(ask):
    asked = [*routes()]
    seen = await ask([(one, None) for one in asked])
    assert {(401, "no_credentials")} == {answer for answer in seen if answer[1]}
    assert PUBLIC == {one.id for one, (_, reason) in zip(asked, seen, strict=True) if reason is None}


async def test_every_role_reaches_what_it_permits_and_nothing_else(ask):
    """Each route that demands something is asked by a user with every role, for what is his own."""
    asked = [one for one in routes() if one.allow]
    rows = [(one, role, permissions) for one in asked for role, permissions in granted().items()]
    seen = await ask([(one, ADMIN | {"roles": [role]}) for one, role, _ in rows])
    expected = {(one.id, role): refusal(one.allow, role, permissions) for one, role, permissions in rows}
    assert expected == {
        (one.id, role): reason for (one, role, _), (_, reason) in zip(rows, seen, strict=True)
    }
    assert {"missing_permission", "missing_role", None} == {*expected.values()}


def refusal(allow, role, permissions):
    for permission in allow.get("permissions", ()):
        if not {permission, permission.partition(":")[0] + ":*", "*"} & permissions:
            return "missing_permission"
    return "missing_role" if role not in allow.get("roles", [role]) else None


async def test_every_condition_and_scope_refuses_others(ask):
    asked = [one for one in routes() if "when" in one.allow]
    assert len(asked) >= 6
    seen = await ask([(one, says) for one in asked for says in (STRANGER, NEIGHBOUR)])
    assert {(403, "condition_failed")} == {*seen}
    refund, transfer = (next(one for one in routes() if one.id == id) for id in ASKS_ADMINS_TOO)
    seen = await ask([(refund, ADMIN | {"scopes": ["pay"]}), (transfer, ADMIN | {"wallet": "wallet-9"})])
    assert [(403, "insufficient_scope"), (403, "condition_failed")] == seen


def test_every_permission_of_a_role_is_demanded_somewhere():
    """Else it would grant nothing, and whoever reads the role would think that it does."""
    areas = {f"{permission.partition(':')[0]}:*" for permission in demanded()}
    assert set() == set.union(*granted().values()) - demanded() - areas - {"*"}


def test_whoever_is_asked_for_a_token_is_asked_for_more():
    """A token alone opens nothing: whoever can log in has one."""
    assert [] == [one.id for one in routes() if one.id not in PUBLIC and not one.allow]


def test_what_is_kept_for_everybody_is_public():
    """A listing that any cache may keep must not depend on who asked for it."""
    for policies in read():
        for route in policies["routes"]:
            if route.get("headers") == "azora-listing":
                assert "public" == route.get("auth", policies.get("defaults", {}).get("auth")), route["id"]
