"""An issuer that is not ours, nanoidp in an environment of its own: discovery, rotation, and its absence."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth

from gateway.identity.remote import COOL_DOWN, STALE_AT_MOST

PROGRAM = Path(sys.prefix) / "issuer" / "bin" / "nanoidp"
SETTINGS = """\
config_version: 1
server: {host: "127.0.0.1", port: PORT}
oauth:
  issuer: "http://127.0.0.1:PORT"
  audience: "azora-api"
  clients: [{client_id: "client", client_secret: "secret", description: "a client"}]
"""
USERS = """\
config_version: 1
users: {thandi: {password: "p", email: "thandi@azora.example", roles: [educator]}}
"""
ROUTES = 'routes: [{id: all, match: {path: "/{rest...}"}, auth: id, respond: {body: welcome}}]\n'

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not PROGRAM.exists(), reason="there is no nanoidp: `make test-long` installs it"),
]


@pytest.fixture
async def issuer(tmp_path, session):
    """The running program: its URL and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "idp").mkdir()
    (tmp_path / "idp" / "settings.yaml").write_text(SETTINGS.replace("PORT", str(port)))
    (tmp_path / "idp" / "users.yaml").write_text(USERS)
    process = await asyncio.create_subprocess_exec(
        *(str(PROGRAM), "--config", str(tmp_path / "idp")),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    url = f"http://127.0.0.1:{port}"
    async with asyncio.timeout(20):
        while True:
            try:
                async with session.get(f"{url}/.well-known/openid-configuration"):
                    break
            except OSError:
                await asyncio.sleep(0.1)
    yield url, process
    if process.returncode is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    await process.wait()


@pytest.fixture
async def asked(issuer, serve, session, url):
    """Ask the gateway with a token: the status and the reason."""
    more = f"issuers: {{id: {{issuer: {issuer[0]}, discovery: true, audience: [azora-api]}}}}\n"
    gateway = await serve(policies=ROUTES, more=more)

    async def ask(token):
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get(url(gateway, "/x"), headers=headers) as response:
            is_ours = response.content_type == "application/problem+json"
            return response.status, (await response.json())["reason"] if is_ours else None

    return ask


@pytest.fixture
def signed(issuer, session):
    """Log in: the tokens that the issuer gives, by kind."""

    async def login():
        form = {"grant_type": "password", "username": "thandi", "password": "p", "scope": "openid"}
        client = {"Authorization": encode_basic_auth("client", "secret")}
        async with session.post(f"{issuer[0]}/token", data=form, headers=client) as response:
            return await response.json()

    return login


@pytest.fixture
def rotate(issuer, session):
    async def rotate():
        async with session.post(f"{issuer[0]}/api/keys/rotate") as response:
            assert 200 == response.status

    return rotate


async def test_only_its_access_tokens_are_taken(asked, signed):
    tokens = await signed()
    assert (200, None) == await asked(tokens["access_token"])
    assert (401, "not_an_access_token") == await asked(tokens["refresh_token"])
    assert (401, "not_an_access_token") == await asked(tokens["id_token"])
    assert (401, "invalid_token") == await asked(tokens["access_token"][:-8])


async def test_keys_change_under_load_and_no_good_token_is_refused(asked, signed, rotate, skipping):
    """The last tokens and the newest, all the time, through four rotations that nobody announced."""
    tokens = [(await signed())["access_token"]]
    seen = set()
    ending = asyncio.Event()

    async def load():
        while not ending.is_set():
            for token in tokens[-2:]:
                seen.add(await asked(token))

    clients = [asyncio.create_task(load()) for _ in range(4)]
    for _ in range(4):
        skipping.skipped += COOL_DOWN
        await rotate()
        fresh = (await signed())["access_token"]
        assert (200, None) == await asked(fresh)
        tokens.append(fresh)
        await asyncio.sleep(0.2)
    ending.set()
    await asyncio.gather(*clients)
    assert {(200, None)} == seen


async def test_without_it_its_tokens_are_good_for_a_day(asked, signed, rotate, issuer, skipping):
    token = (await signed())["access_token"]
    assert (200, None) == await asked(token)
    await rotate()
    unknown = (await signed())["access_token"]
    issuer[1].kill()
    await issuer[1].wait()
    assert (200, None) == await asked(token)
    assert (401, "unknown_key") == await asked(unknown)
    skipping.skipped += STALE_AT_MOST
    assert (503, "keys_unavailable") == await asked(unknown)
    assert (503, "keys_unavailable") == await asked(token)


async def test_while_it_is_slow_only_unknown_keys_wait(asked, signed, rotate, issuer):
    token = (await signed())["access_token"]
    assert (200, None) == await asked(token)
    await rotate()
    unknown = (await signed())["access_token"]
    issuer[1].send_signal(signal.SIGSTOP)
    waiting = asyncio.create_task(asked(unknown))
    for _ in range(50):
        assert (200, None) == await asked(token)
    async with asyncio.timeout(7):
        assert (401, "unknown_key") == await waiting
