"""What the admin listener tells of the configuration that serves, and what it never tells."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from gateway.admin import answers, config
from gateway.admin.config import configuration
from gateway.config.interpolation import Resolved
from gateway.config.load import load_snapshot
from gateway.config.masked import MASK
from gateway.config.source import read

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = """\
routes:
  - id: all
    match: {path: "/{rest...}"}
    upstream: backend
    auth: public
    request_headers: {set: {X-Key: a-secret}}
"""
# What a secret of the example stands in the place of; whatever else comes from outside is not free text.
SECRETS = {
    "GATEWAY_ADMIN_TOKEN": "marker-token",
    "REDIS_URL": "redis://marker-user:marker-password@127.0.0.1:6379",
    "FAMILY_SECRET": "marker-secret-of-thirty-two-bytes-or-more",
    "ID_SECRET": "marker-client-secret",
}


async def test_what_serves_is_told_with_its_version(guarded, tell):
    gateway = await guarded(policies=POLICIES)
    status, fields, told = await tell(gateway, "/config")
    assert (200, "application/json") == (status, fields["Content-Type"])
    assert gateway.snapshot.version == told["version"]
    names = [Path(document["file"]).name for document in told["documents"]]
    assert (["gateway.yaml", "routes.yaml"], 0) == (names, told["other_files"])
    assert [] == told["problems"]
    main, routes = [document["says"] for document in told["documents"]]
    assert ("test-gateway", MASK, "8KiB") == (
        *(main["name"], main["admin"]["token"]),
        main["limits"]["request_line"],
    )
    assert {"set": {"X-Key": MASK}} == routes["routes"][0]["request_headers"]


async def test_it_is_told_from_what_was_loaded(guarded, tell, tmp_path):
    """The files may say something else by now, or be gone."""
    gateway = await guarded(policies=POLICIES)
    _, _, before = await tell(gateway, "/config")
    shutil.rmtree(tmp_path / "configuration")
    assert before == (await tell(gateway, "/config"))[2]


async def test_another_configuration_is_told_once_it_serves(guarded, tell, snapshot):
    gateway = await guarded(policies=POLICIES)
    other = snapshot(policies=POLICIES.replace("all", "other"), environ={"BACKEND": "http://127.0.0.1:1"})
    gateway.proxy.adopt(other, gateway.upstreams, b"gateway")
    _, _, told = await tell(gateway, "/config")
    assert (other.version, "other") == (told["version"], told["documents"][1]["says"]["routes"][0]["id"])


@pytest.fixture
def everything(tmp_path, authority):
    """Load the example with every key, from files that are there; its secrets are given."""

    def load(environ):
        gateway, _, policies = (EXAMPLES / "everything.yaml").read_text().partition("\n---\n")
        shutil.copytree(EXAMPLES / "schemas", tmp_path / "policies" / "schemas")
        for name in ("api-keys.yaml", "users.yaml"):
            shutil.copy(EXAMPLES / name, tmp_path / name)
        for name in ("tls", "gw"):
            certificate, key = authority.issue("gateway.example")
            shutil.copy(certificate, tmp_path / f"{name}.crt")
            shutil.copy(key, tmp_path / f"{name}.key")
        for name in ("clients.pem", "ca.pem"):
            shutil.copy(authority.file, tmp_path / name)
        (tmp_path / "gateway.yaml").write_text(gateway)
        (tmp_path / "policies" / "policies.yaml").write_text(policies)
        return load_snapshot(tmp_path / "gateway.yaml", environ)

    return load


def test_no_secret_of_any_key_is_told(everything):
    """Nor what is in the files of keys, users and certificates."""
    snapshot = everything(SECRETS)
    told = json.dumps(configuration(snapshot))
    assert "marker" not in told
    keys, users = snapshot.specs.credentials.keys, snapshot.specs.credentials.users
    digests = [*(key.sha256 for key in keys), *(user.hash for user in users)]
    assert digests
    assert [] == [digest for digest in digests if digest in told]
    assert "PRIVATE" not in told


def test_the_example_has_no_other_secret(everything):
    """All that it takes from outside is told by its kind, or stands in the table above."""
    tree, _ = read("a.yaml", (EXAMPLES / "everything.yaml").read_bytes().partition(b"\n---\n")[0], str)
    asked = {text for text in _texts(tree.data) if "${" in text}
    harmless = ("AZORA_PAY_URL", "AZORA_ISSUER")
    assert all(any(name in text for name in (*SECRETS, *harmless)) for text in asked)
    told = configuration(everything(SECRETS))
    assert "http://127.0.0.1:4009" in json.dumps(told)


def test_every_text_from_outside_may_be_a_secret(everything):
    """Whatever is told although it came by `${...}` is a number, a closed word or an address."""
    snapshot = everything(SECRETS)
    resolved = [text for text in _texts(snapshot.specs.tree.data) if isinstance(text, Resolved)]
    told = json.dumps(configuration(snapshot))
    assert {"http://127.0.0.1:4009", "http://127.0.0.1:4100"} == {text for text in resolved if text in told}


def _texts(value):
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


async def test_whoever_reads_nothing_is_cut_off(guarded, tell, dial, until, monkeypatch):
    """What he asked for is not kept for him."""
    made = []
    monkeypatch.setattr(answers, "WRITING_AT_MOST", 0.5)
    monkeypatch.setattr(config, "_AT_MOST", 1)
    monkeypatch.setattr(config, "configuration", lambda snapshot: made.append(0) or {"": "x" * 20_000_000})
    gateway = await guarded(policies=POLICIES)
    client = await dial(gateway.admin.address.port)
    client.pause()
    await client.send(b"GET /config HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test-token\r\n\r\n")
    await until(lambda: bool(made))
    monkeypatch.setattr(config, "configuration", lambda snapshot: {})
    async with asyncio.timeout(10):
        while (await tell(gateway, "/config"))[0] != 200:
            pass
    client.resume()
    assert len(await client.rest()) < 20_000_000


async def test_more_than_a_few_are_not_told_at_a_time(guarded, tell, monkeypatch):
    monkeypatch.setattr(config, "_AT_MOST", 0)
    gateway = await guarded(policies=POLICIES)
    assert [503, 200] == [(await tell(gateway, path))[0] for path in ("/config", "/routes")]
