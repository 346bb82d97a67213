"""The level of the program's own log, told and changed."""

import json
import logging

import pytest

from gateway.telemetry.application_log import level


@pytest.fixture
async def gateway(guarded):
    return await guarded()


@pytest.fixture
def change(gateway, tell):
    """POST a body; gives the status and what the JSON says."""

    async def change(said, **more):
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        status, _, told = await tell(gateway, "/log-level", "POST", data=body, **more)
        return status, told

    return change


async def test_the_level_is_told_beside_that_of_the_configuration(gateway, tell):
    logging.getLogger().setLevel("WARNING")
    assert {"level": "warning", "configured": "info"} == (await tell(gateway, "/log-level"))[2]


@pytest.mark.parametrize("wanted", ["debug", "info", "warning", "error"])
async def test_it_changes_at_once(gateway, tell, change, wanted):
    expected = {"level": wanted, "configured": "info"}
    assert (200, expected) == await change({"level": wanted})
    assert expected == (await tell(gateway, "/log-level"))[2]
    assert wanted.upper() == logging.getLevelName(logging.getLogger("gateway").getEffectiveLevel())


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"debug", id="no JSON"),
        pytest.param("debug", id="a text"),
        pytest.param({}, id="no level"),
        pytest.param({"level": "loud"}, id="none that there is"),
        pytest.param({"level": "DEBUG"}, id="in capitals"),
        pytest.param({"level": 10}, id="a number"),
        pytest.param({"level": ["debug"]}, id="a list"),
        pytest.param({"level": "debug", "logger": "aiohttp"}, id="more than the level"),
        pytest.param(b'{"level": "debug", "level": "info"}', id="two of them"),
    ],
)
async def test_what_is_no_level_changes_nothing(change, said):
    before = level()
    status, told = await change(said)
    assert (422, before) == (status, level())
    assert told["detail"].startswith("level: expected one of debug, info, warning, error")


async def test_it_is_small(change):
    assert 413 == (await change({"level": "x" * 70_000}))[0]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"X-Gateway-Admin": "1"}, 401, id="without the token"),
        pytest.param({"Authorization": "Bearer test-token"}, 403, id="as a form could send it"),
    ],
)
async def test_not_everybody_may_change_it(change, fields, status):
    before = level()
    assert (status, before) == ((await change({"level": "debug"}, fields=fields))[0], level())
