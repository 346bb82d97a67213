"""The ten services offer what the repository's own policies route to them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway.demo.services import SERVICES, application

_POLICIES = Path(__file__).parents[2] / "policies"

_SAMPLES = {"month": "2026-01", "service": "azora-pay"}
_ANSWERS = {"GET": 200, "POST": 201, "PUT": 201, "DELETE": 204}
_OTHER_ANSWERS = {
    ("gateway-echo", "POST"): 200,
    ("family-chat", "GET"): 400,  # asked without a handshake
    ("health-probe-fail", "GET"): 500,
}


def _files() -> dict[str, dict]:
    files = sorted(_POLICIES.glob("*.yaml"))
    return {file.stem: yaml.CSafeLoader(file.read_bytes()).get_single_data() for file in files}


def _cases() -> Iterator[object]:
    for name, file in _files().items():
        for route in file["routes"]:
            upstream = route.get("upstream", file.get("defaults", {}).get("upstream"))
            if upstream is None:
                continue
            path = route.get("rewrite", route["match"])["path"]
            sample = re.sub(r"{(\w+)}", lambda hole: _SAMPLES.get(hole[1], f"{hole[1]}-1"), path)
            for method in route["match"]["methods"]:
                status = _OTHER_ANSWERS.get((route["id"], method), _ANSWERS[method])
                yield pytest.param(upstream, method, sample, status, id=f"{name}: {route['id']} {method}")


@pytest.mark.parametrize(("service", "method", "path", "status"), [*_cases()])
async def test_service_answers_each_route(aiohttp_client, service, method, path, status):
    client = await aiohttp_client(application(service))
    body = {} if method in ("POST", "PUT") else None
    async with client.request(method, path, json=body, params={"seconds": "0"}) as response:
        assert status == response.status


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_a_file_of_routes(name):
    """Its routes go to it alone, under ids that begin alike."""
    file = _files()[name]
    ids = [route["id"] for route in file["routes"]]
    assert name == file["defaults"]["upstream"]
    assert len(ids) >= 5
    assert 1 == len({id.partition("-")[0] for id in ids})


async def test_search_looks_into_products(aiohttp_client):
    """The whole products, or their names only."""
    client = await aiohttp_client(application("api-gateway"))
    found = await (await client.get("/search?q=TUTOR")).json()
    names = await (await client.get("/suggestions?q=TUTOR")).json()
    assert (["product-3"], ["A month with a tutor"]) == (
        [item["id"] for item in found["items"]],
        names["names"],
    )
