"""The repository's own configuration: it passes the check, and each of its routes leads to its service."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

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
# Who needs no token: listings, what comes before a login, the state of the platform, and an echo for all.
PUBLIC = {
    *("gateway-product-list", "gateway-product-read", "gateway-search", "gateway-search-phone"),
    *("gateway-flag-list", "gateway-echo", "auth-session-create", "auth-user-create"),
    *("education-course-list", "education-course-read", "forge-listing-list", "forge-listing-read"),
    *("sapiens-topic-list", "family-persona-list", "family-persona-read", "mint-reward-list"),
    *("health-status", "health-service-list", "health-service-read", "health-incident-list"),
    *("health-probe-slow", "health-probe-fail", "health-probe-drop", "robots", "www-redirect"),
}
# The statuses that are no success: a chat without its handshake, a probe that fails, an old name.
OTHERS = {"family-chat": 400, "health-probe-fail": 500, "www-redirect": 308}


def routes() -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """The id of each route, and a request that it takes: method, path, fields."""
    for file in sorted(POLICIES.glob("*.yaml")):
        policies = yaml.CSafeLoader(file.read_bytes()).get_single_data()
        prefix = policies.get("defaults", {}).get("prefix", "")
        for route in policies["routes"]:
            match = route["match"]
            path = re.sub(r"{(.+?)}", lambda hole: SAMPLES.get(hole[1], f"{hole[1]}-1"), match["path"])
            fields = match.get("headers", {}) | ({"Host": match["host"]} if "host" in match else {})
            for method in match.get("methods", ["GET"]):
                yield route["id"], method, prefix + path, fields


def test_it_passes_the_check(capsys, monkeypatch):
    monkeypatch.chdir(POLICIES.parent)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    assert 0 == main(["check"])
    assert re.match(r"ok: \d+ routes, 10 upstreams, ", capsys.readouterr().out)


@pytest.fixture
async def asked(repository, ports, session, url):
    """What comes of a request to each route, shown a token or none: the status and the reason, by route."""

    async def ask(*, token):
        seen = {}
        async with services() as running, issuer() as signing:
            environ = environment(running) | {"AZORA_ISSUER": signing.issuer}
            gateway = Gateway(load_snapshot(repository, environ, ports), ports)
            await gateway.start()
            shown = {"Authorization": f"Bearer {signing.token('user-1', ['admin'], [], time.time())}"}
            for id, method, path, fields in routes():
                headers = fields | (shown if token else {})
                body = BODIES.get(id, {}) if method in ("POST", "PUT") else None
                async with session.request(
                    *(method, url(gateway, path)),
                    json=body,
                    headers=headers,
                    params={"seconds": "0"},
                    allow_redirects=False,
                ) as response:
                    is_ours = response.content_type == "application/problem+json"
                    reason = (await response.json())["reason"] if is_ours else None
                    assert "nosniff" == response.headers["X-Content-Type-Options"]
                    seen[id, method] = response.status, reason
            await gateway.stop()
        return seen

    return ask


async def test_every_route_leads_to_its_service(asked):
    """No answer is a problem of the gateway's own, and each has fields of its policy."""
    seen = await asked(token=True)
    assert {} == {route: answer for route, answer in seen.items() if answer[1]}
    assert OTHERS == {id: status for (id, _), (status, _) in seen.items() if status >= 300}
    assert len(seen) >= 60


async def test_what_is_not_public_asks_who_is_there(asked):
    seen = await asked(token=False)
    assert {(401, "no_credentials")} == {answer for answer in seen.values() if answer[1]}
    assert PUBLIC == {id for (id, _), (_, reason) in seen.items() if reason is None}


def test_what_is_kept_for_everybody_is_public():
    """A listing that any cache may keep must not depend on who asked for it."""
    for file in sorted(POLICIES.glob("*.yaml")):
        policies = yaml.CSafeLoader(file.read_bytes()).get_single_data()
        for route in policies["routes"]:
            if route.get("headers") == "azora-listing":
                assert "public" == route.get("auth", policies.get("defaults", {}).get("auth")), route["id"]
