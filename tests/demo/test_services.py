"""Ten services start together, answer, and are gone afterwards."""

import logging
import socket
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientConnectorError, ClientSession

from gateway.demo.services import PORTS, SERVICES, application, environment, services

_CONFIG = Path(__file__).parents[2] / "config" / "gateway.yaml"


@pytest.fixture
async def session():
    async with ClientSession() as session:
        yield session


async def _health(session, url):
    async with session.get(f"{url}/health") as response:
        return await response.json()


async def test_each_service_answers_for_itself(session):
    """Every name leads to the service of that name, on a free port."""
    async with services() as running:
        answers = {name: await _health(session, url) for name, url in running.items()}
    assert {name: {"service": name, "status": "up"} for name in SERVICES} == answers


async def test_services_are_gone_afterwards(session):
    """Nothing listens any more."""
    async with services() as running:
        pass
    with pytest.raises(ClientConnectorError):
        await _health(session, running["azora-pay"])


async def test_taken_port_is_an_error_that_leaves_nothing_behind(session):
    """The services that had started are stopped again."""
    with socket.socket() as free, socket.socket() as taken:
        free.bind(("127.0.0.1", 0))
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"api-gateway": free.getsockname()[1], "health-monitor": taken.getsockname()[1]}
        free.close()
        with pytest.raises(OSError, match="address already in use"):
            async with services(ports):
                pass
    with pytest.raises(ClientConnectorError):
        await _health(session, f"http://127.0.0.1:{ports['api-gateway']}")


async def test_nothing_is_logged_unless_asked(session, caplog):
    """Then one line a request."""
    caplog.set_level(logging.INFO)
    async with services() as running:
        await _health(session, running["azora-pay"])
    assert [] == caplog.records
    async with services(access_log=logging.getLogger("demo")) as running:
        await _health(session, running["azora-pay"])
    assert ["demo"] == [record.name for record in caplog.records]


async def test_client_that_leaves_is_no_error(session, caplog):
    """Nothing is logged of an answer that nobody hears to its end."""
    async with services() as running:
        response = await session.get(f"{running['azora-sapiens']}/sessions/session-1/answer")
        await response.content.readline()
        response.close()
    assert [] == caplog.records


@pytest.mark.parametrize(
    ("method", "path", "status", "error", "allow"),
    [
        pytest.param("GET", "/ledger", 404, "404: Not Found", None, id="a path that the service lacks"),
        pytest.param(
            "GET", "/charges/charge-9", 404, "There is no charge charge-9.", None, id="a missing item"
        ),
        pytest.param(
            "PATCH", "/charges", 405, "405: Method Not Allowed", "GET,HEAD,POST", id="a method it lacks"
        ),
    ],
)
async def test_refuses_in_json(aiohttp_client, method, path, status, error, allow):
    client = await aiohttp_client(application("azora-pay"))
    response = await client.request(method, path)
    assert (status, {"error": error}) == (response.status, await response.json())
    assert allow == response.headers.get("Allow")


def test_configuration_finds_the_services():
    """The variables and ports of config/gateway.yaml are ours."""
    upstreams = yaml.CSafeLoader(_CONFIG.read_bytes()).get_single_data()["upstreams"]
    urls = environment({name: f"http://127.0.0.1:{port}" for name, port in PORTS.items()})
    expected = [[f"${{env:{variable}:-{url}}}"] for variable, url in urls.items()]
    assert list(SERVICES) == list(upstreams)
    assert expected == [upstream["endpoints"] for upstream in upstreams.values()]
