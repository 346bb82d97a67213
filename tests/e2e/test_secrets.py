"""Secrets of the operator: none is ever said, wherever it stands and whatever is wrong with it."""

import asyncio
import json
import logging
import traceback

import pytest

from gateway.app import Gateway
from gateway.cli import main
from gateway.config.load import load, load_snapshot
from gateway.config.problem import ConfigError
from gateway.ports import LivePorts

# Part of every secret below but the private key, which is one by itself.
CANARY = "c4n4ry"
NUMBER = 77712345
GATEWAY = """\
version: 1
upstreams: {{b: {{endpoints: ["http://127.0.0.1:1"]}}}}
policies: [policies]
defaults: {{headers: api}}
{}
"""
ROUTES = """\
tiers: {few: {limit: 1000/1m, burst: 100, key: address}}
defaults: {upstream: b, quota: [few]}
routes:
  - {id: open, match: {path: /open}, auth: public}
  - {id: closed, match: {path: /closed}, auth: id}
"""
ISSUER = 'issuers: {{id: {{issuer: "https://id.example", audience: [a], algorithms: [HS256], {}}}}}'
CERTIFICATE = 'listeners: [{{address: "127.0.0.1:0", tls: {{certificates: [{{{}}}]}}}}]'

# What is wrong with a secret, or with what stands around it.
BROKEN = {
    "an admin token that is a number": f"admin: {{token: {NUMBER}}}",
    "an admin token that is a list": f"admin: {{token: [{CANARY}]}}",
    "an admin token beside a bad address": f"admin: {{address: nowhere, token: {CANARY}}}",
    "an admin token in a broken text": f'admin: {{token: "{CANARY}" {CANARY}}}',
    "an admin token under a misspelt key": f"admin: {{tokn: {CANARY}}}",
    "an admin token with a tag": f"admin: {{token: !!int {CANARY}}}",
    "an issuer's secret that is short": ISSUER.format(f"secret: {CANARY}"),
    "an issuer's secret that is short, from outside": ISSUER.format('secret: "${env:SECRET}"'),
    "an issuer's secret from a short file": ISSUER.format('secret: "${file:key.pem}"'),
    "an issuer's secret that is a number": ISSUER.format(f"secret: {NUMBER}"),
    "an issuer's secret beside other keys": ISSUER.format(f"discovery: true, secret: {CANARY * 9}"),
    "an issuer's secret for another algorithm": ISSUER.replace("HS256", "RS256").format(
        f"secret: {CANARY * 9}"
    ),
    "an issuer's secret in place of a key": ISSUER.format(f"keys: [{CANARY}]"),
    "a shared key among public ones": ISSUER.format(f"keys: [{{kty: oct, k: {CANARY}}}]"),
    "a password in an issuer's URL": ISSUER.replace("https://", f"https://u:{CANARY}@").format(
        "discovery: true"
    ),
    "a password in the URL of keys": ISSUER.format(f'jwks: "https://u:{CANARY}@id.example"'),
    "a Redis with a bad port": f'quota_store: {{redis: "redis://:{CANARY}@h:999999"}}',
    "a Redis with a bad scheme": f'quota_store: {{redis: "http://:{CANARY}@h"}}',
    "a Redis with a slash too few": f'quota_store: {{redis: "redis:/:{CANARY}@h"}}',
    "a Redis with a slash in its password": f'quota_store: {{redis: "redis://:a/{CANARY}@h"}}',
    "a Redis with two at signs": f'quota_store: {{redis: "redis://:a@{CANARY}@h:x"}}',
    "a Redis whose password is from outside": 'quota_store: {redis: "redis://:${env:SECRET}@h:x"}',
    "a Redis by default": f'quota_store: {{redis: "${{env:NOT_SET:-http://:{CANARY}@h}}"}}',
    "a Redis that is a number": f"quota_store: {{redis: {NUMBER}}}",
    "a password in an endpoint": f'upstreams: {{c: {{endpoints: ["http://u:{CANARY}@h"]}}}}',
    "a key file that is no PEM": CERTIFICATE.format("certificate: key.pem, key: key.pem"),
    "a key in place of its path": CERTIFICATE.format(
        f'certificate: key.pem, key: "-----BEGIN PRIVATE KEY----- {CANARY}"'
    ),
    "a key's text in place of its path": CERTIFICATE.format('certificate: a, key: "${file:key.pem}"'),
}


@pytest.fixture
def written(tmp_path):
    """Write a configuration with a piece of gateway.yaml; gives the path."""

    def write(piece):
        text = GATEWAY.format(piece)
        if piece.startswith("upstreams"):
            text = text.replace('upstreams: {b: {endpoints: ["http://127.0.0.1:1"]}}\n', "", 1)
        (tmp_path / "policies").mkdir(exist_ok=True)
        (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
        (tmp_path / "key.pem").write_text(f"-----BEGIN {CANARY}-----")
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        return path

    return write


def told(text, *secrets):
    """Which of the secrets a text tells."""
    return [secret for secret in (CANARY, str(NUMBER), *secrets) if secret in text]


@pytest.mark.parametrize("piece", [pytest.param(piece, id=id) for id, piece in BROKEN.items()])
def test_no_problem_tells_a_secret(written, capsys, monkeypatch, piece):
    """As `gateway check` prints it, and as a traceback would."""
    monkeypatch.setenv("SECRET", f"{CANARY}-x")
    path = written(piece)
    for format in ("text", "json"):
        assert 1 == main(["check", "--config", str(path), "--format", format])
        captured = capsys.readouterr()
        assert [] == told(captured.out + captured.err)
    with pytest.raises(ConfigError) as raised:
        load(path, {"SECRET": f"{CANARY}-x"})
    assert [] == told("".join(traceback.format_exception(raised.value)))


@pytest.fixture
async def echoing():
    """A server that refuses everything and repeats it, as no Redis should; gives its port."""

    async def refuse(reader, writer):
        while data := await reader.read(4096):
            writer.write(b"-ERR " + data.replace(b"\r\n", b" ") + b"\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("answers", [True, False], ids=["Redis refuses", "Redis is away"])
async def test_a_running_gateway_tells_no_secret(
    written, authority, echoing, connect, session, caplog, answers
):
    """Not in what it answers, to whom it knows and to whom it does not, not in its log, and not as a repr."""
    caplog.set_level(logging.DEBUG)
    chain, key = authority.issue("a.test")
    private = key.read_text().splitlines()[1:-1]
    token = f"{CANARY}-token"
    path = written(
        "\n".join(
            [
                f'admin: {{address: "127.0.0.1:0", token: {token}}}',
                f'quota_store: {{redis: "redis://{CANARY}:{CANARY}@127.0.0.1:{echoing if answers else 1}"}}',
                ISSUER.format(f"secret: {CANARY * 9}"),
                'listeners: [{address: "127.0.0.1:0"}, {address: "127.0.0.1:0", tls: {certificates: '
                f'[{{certificate: "{chain}", key: "{key}"}}]}}}}]',
            ]
        )
    )
    ports = LivePorts()
    specs, snapshot = load(path, {}), load_snapshot(path, {}, ports)
    said = [repr(specs), repr(specs.gateway), str(specs.gateway), repr(snapshot), *map(repr, snapshot.routes)]
    gateway = Gateway(snapshot, ports)
    await gateway.start()
    said += [repr(gateway), repr(ports), repr(vars(ports))]
    for target, *fields in (
        ("/open",),
        ("/closed",),
        ("/closed", "Authorization: Bearer a.b.c"),
        ("/closed", f"Authorization: Bearer {'x' * 100}"),
        ("/closed", "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA"),
        ("/none",),
    ):
        client = await connect(gateway)
        lines = [f"GET {target} HTTP/1.1", "Host: a.example", "Connection: close", *fields, "", ""]
        await client.send("\r\n".join(lines).encode())
        said.append((await client.rest()).decode())
    for name in ("/routes", "/upstreams", "/livez", "/readyz", "/none"):
        for shown in (token, "wrong", ""):
            headers = {"Authorization": f"Bearer {shown}"} if shown else {}
            async with session.get(f"http://{gateway.admin.address}{name}", headers=headers) as response:
                said += [await response.text(), str(response.headers)]
    await gateway.stop()
    assert '"id": "closed"' in "".join(said)
    records = json.dumps([vars(record) for record in caplog.records], default=repr)
    assert [] == told("\n".join(said) + caplog.text + records, *private)
