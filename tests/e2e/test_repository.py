"""The repository's own configuration: it passes the check, and each of its routes leads to its service."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from gateway.app import Gateway
from gateway.cli import main
from gateway.config.load import load_snapshot
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


async def test_every_route_leads_to_its_service(repository, ports, session, url):
    """No answer is a problem of the gateway's own, and each has fields of its policy."""
    seen, problems = {}, []
    async with services() as running:
        gateway = Gateway(load_snapshot(repository, environment(running), ports), ports)
        await gateway.start()
        for id, method, path, fields in routes():
            asked = {"headers": fields, "params": {"seconds": "0"}, "allow_redirects": False}
            body = BODIES.get(id, {}) if method in ("POST", "PUT") else None
            async with session.request(method, url(gateway, path), json=body, **asked) as response:
                seen[id, method] = response.status
                if response.content_type == "application/problem+json":
                    problems.append((id, await response.text()))
                assert "nosniff" == response.headers["X-Content-Type-Options"]
        await gateway.stop()
    assert [] == problems
    assert OTHERS == {id: status for (id, _), status in seen.items() if status >= 300}
    assert len(seen) >= 60
