"""Issuers that are not ours, each in an environment of its own: discovery, rotation, and their absence."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from gateway.identity.remote import COOL_DOWN, STALE_AT_MOST

PATIENCE = 20
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
# Keys that oidc-provider shows at a time: more than there are tokens in use.
PUBLISHED = 3


class Nanoidp:
    """nanoidp: people log in with a password, and it makes its keys itself."""

    program = Path(sys.prefix) / "issuer" / "bin" / "nanoidp"

    def __init__(self, folder, session):
        self._folder = folder
        self._session = session

    async def start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (self._folder / "settings.yaml").write_text(SETTINGS.replace("PORT", str(port)))
        (self._folder / "users.yaml").write_text(USERS)
        self.url = f"http://127.0.0.1:{port}"
        self.process = await run(self._folder, self.program, "--config", self._folder)

    async def ready(self):
        while True:
            try:
                async with self._session.get(f"{self.url}/.well-known/openid-configuration"):
                    return
            except OSError:
                await asyncio.sleep(0.1)

    async def login(self):
        """The tokens that it gives, by kind."""
        form = {"grant_type": "password", "username": "thandi", "password": "p", "scope": "openid"}
        return await ask_for(self._session, self.url, form)

    async def token(self):
        return (await self.login())["access_token"]

    async def rotate(self):
        async with self._session.post(f"{self.url}/api/keys/rotate") as response:
            assert 200 == response.status


class OidcProvider:
    """oidc-provider: programs ask for themselves, and its keys are ours; every second one is of RSA."""

    folder = Path(__file__).parent / "oidc"

    def __init__(self, folder, session):
        self._folder = folder
        self._session = session
        self._keys = []
        self._made = 0

    async def start(self):
        self.process = await run(self._folder, shutil.which("node"), self.folder / "server.js", talks=True)

    async def ready(self):
        self.url = f"http://127.0.0.1:{await self.rotate()}"

    async def token(self, resource="urn:azora-api"):
        form = {"grant_type": "client_credentials"} | ({"resource": resource} if resource else {})
        return (await ask_for(self._session, self.url, form))["access_token"]

    async def rotate(self):
        """A key that nobody has seen signs from now on, and the oldest goes; gives the port."""
        self._made += 1
        if self._made % 2:
            jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True) | {"alg": "ES256"}
        else:
            jwk = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True) | {"alg": "RS256"}
        jwk.pop("key_ops", None)
        self._keys = [jwk | {"use": "sig", "kid": str(self._made)}, *self._keys][:PUBLISHED]
        self.process.stdin.write(json.dumps({"keys": self._keys}).encode() + b"\n")
        return int(await self.process.stdout.readline())


async def run(folder, *command, talks=False):
    pipe = asyncio.subprocess.PIPE if talks else asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )


async def ask_for(session, url, form):
    client = {"Authorization": encode_basic_auth("client", "secret")}
    async with session.post(f"{url}/token", data=form, headers=client) as response:
        return await response.json()


NANOIDP = pytest.param(
    Nanoidp,
    id="nanoidp",
    marks=pytest.mark.skipif(
        not Nanoidp.program.exists(), reason="there is no nanoidp: `make test-long` installs it"
    ),
)
OIDC_PROVIDER = pytest.param(
    OidcProvider,
    id="oidc-provider",
    marks=pytest.mark.skipif(
        not ((OidcProvider.folder / "node_modules" / ".installed").exists() and shutil.which("node")),
        reason="there is no oidc-provider: `make test-long` installs it where npm is",
    ),
)

pytestmark = pytest.mark.long


@pytest.fixture(params=[NANOIDP, OIDC_PROVIDER])
async def issuer(request, tmp_path, session):
    """The running program: its URL, its process, its tokens."""
    (tmp_path / "idp").mkdir()
    issuer = request.param(tmp_path / "idp", session)
    await issuer.start()
    try:
        async with asyncio.timeout(PATIENCE):
            await issuer.ready()
        yield issuer
    finally:
        if issuer.process.returncode is None:
            issuer.process.send_signal(signal.SIGCONT)
            issuer.process.kill()
        await issuer.process.wait()


@pytest.fixture
async def asked(issuer, serve, session, url):
    """Ask the gateway with a token: the status and the reason."""
    more = f"issuers: {{id: {{issuer: {issuer.url}, discovery: true, audience: [azora-api]}}}}\n"
    gateway = await serve(policies=ROUTES, more=more)

    async def ask(token):
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get(url(gateway, "/x"), headers=headers) as response:
            is_ours = response.content_type == "application/problem+json"
            return response.status, (await response.json())["reason"] if is_ours else None

    return ask


@pytest.mark.parametrize("issuer", [NANOIDP], indirect=True)
async def test_only_its_access_tokens_are_taken(asked, issuer):
    tokens = await issuer.login()
    assert (200, None) == await asked(tokens["access_token"])
    assert (401, "not_an_access_token") == await asked(tokens["refresh_token"])
    assert (401, "not_an_access_token") == await asked(tokens["id_token"])
    assert (401, "invalid_token") == await asked(tokens["access_token"][:-8])


@pytest.mark.parametrize("issuer", [OIDC_PROVIDER], indirect=True)
async def test_only_its_tokens_for_the_api_are_taken(asked, issuer):
    """RFC 9068 and RFC 8707: a type of their own, and the audience that was asked for."""
    token = await issuer.token()
    assert (200, None) == await asked(token)
    assert (401, "wrong_audience") == await asked(await issuer.token("urn:another"))
    assert (401, "invalid_token") == await asked(await issuer.token(resource=None))
    assert (401, "invalid_token") == await asked(token[:-8])


async def test_keys_change_under_load_and_no_good_token_is_refused(asked, issuer, skipping):
    """The last tokens and the newest, all the time, through four rotations that nobody announced."""
    tokens = [await issuer.token()]
    seen = set()
    ending = asyncio.Event()

    async def load():
        while not ending.is_set():
            for token in tokens[-2:]:
                seen.add(await asked(token))

    clients = [asyncio.create_task(load()) for _ in range(4)]
    for _ in range(4):
        skipping.skipped += COOL_DOWN
        await issuer.rotate()
        fresh = await issuer.token()
        assert (200, None) == await asked(fresh)
        tokens.append(fresh)
        await asyncio.sleep(0.2)
    ending.set()
    await asyncio.gather(*clients)
    assert {(200, None)} == seen


async def test_without_it_its_tokens_are_good_for_a_day(asked, issuer, skipping):
    token = await issuer.token()
    assert (200, None) == await asked(token)
    await issuer.rotate()
    unknown = await issuer.token()
    issuer.process.kill()
    await issuer.process.wait()
    assert (200, None) == await asked(token)
    assert (401, "unknown_key") == await asked(unknown)
    skipping.skipped += STALE_AT_MOST
    assert (503, "keys_unavailable") == await asked(unknown)
    assert (503, "keys_unavailable") == await asked(token)


async def test_while_it_is_slow_only_unknown_keys_wait(asked, issuer):
    token = await issuer.token()
    assert (200, None) == await asked(token)
    await issuer.rotate()
    unknown = await issuer.token()
    issuer.process.send_signal(signal.SIGSTOP)
    waiting = asyncio.create_task(asked(unknown))
    for _ in range(50):
        assert (200, None) == await asked(token)
    async with asyncio.timeout(7):
        assert (401, "unknown_key") == await waiting
