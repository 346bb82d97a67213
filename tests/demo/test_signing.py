import fcntl
import json
import os
import stat
import tempfile
from base64 import urlsafe_b64decode

import pytest

from gateway.config.issuers import tokens
from gateway.config.schema.identity import IssuerSpec
from gateway.demo.signing import AUDIENCE, fresh, running
from gateway.policy.jwk import public_key

NOW = 1_800_000_000.0
ISSUER = "http://127.0.0.1:4100"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No demo of this machine is found."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


class Ports:
    wall = monotonic = staticmethod(lambda: NOW)


def test_its_tokens_are_those_that_the_configuration_asks_for():
    signing = fresh(ISSUER)
    spec = IssuerSpec.model_validate(
        {"issuer": ISSUER, "audience": [AUDIENCE], "algorithms": ["ES256"], "keys": [signing.public]}
    )
    token = signing.token("thandi", ["educator", "student"], ["a", "b"], NOW)
    principal = tokens("azora-id", spec, "edge", Ports()).verify(token.encode()).principal
    assert ("thandi", {"educator", "student"}, {"a", "b"}) == (
        principal.subject,
        principal.roles,
        principal.scopes,
    )
    assert NOW + 3600 + 30 == principal.expires


@pytest.mark.parametrize(
    ("subject", "given", "said"),
    [
        pytest.param("user-1", {}, {"sid": "session-1", "wallet": "wallet-1"}, id="what the services hold"),
        pytest.param("thandi", {}, {"sid": None, "wallet": None}, id="nothing for whom they do not know"),
        pytest.param("user-1", {"wallet": "wallet-9"}, {"wallet": "wallet-9"}, id="another wallet"),
        pytest.param("user-1", {"iss": 5, "exp": "never"}, {"iss": 5, "exp": "never"}, id="nonsense"),
        pytest.param("user-1", {"self": 1, "now": 2}, {"self": 1, "now": 2}, id="names of ours"),
    ],
)
def test_its_tokens_say_what_conditions_ask_for(subject, given, said):
    payload = fresh(ISSUER).token(subject, [], [], NOW, **given).split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=="))
    assert said == {name: claims.get(name) for name in said}


def test_each_demo_has_a_key_of_its_own_and_publishes_half_of_it():
    one, other = fresh(ISSUER), fresh(ISSUER)
    assert one.public != other.public
    assert {"ES256"} == public_key(one.public).algorithms
    assert "d" not in one.public


def test_the_key_of_a_running_demo_is_found(tmp_path):
    assert running() is None
    signing = fresh(ISSUER)
    with signing.kept():
        found = running()
        assert (ISSUER, signing.public) == (found.issuer, found.public)
        (folder,) = tmp_path.iterdir()
        assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert running() is None
    assert [] == [*tmp_path.iterdir()]


def test_the_last_of_several_is_found(tmp_path):
    one, other = fresh(ISSUER), fresh("http://127.0.0.1:4101")
    with one.kept(), other.kept():
        for file in tmp_path.glob("*/key.json"):
            moment = 1 if json.loads(file.read_text())["issuer"] == ISSUER else 2
            os.utime(file, (moment, moment))
        assert "http://127.0.0.1:4101" == running().issuer


def test_what_a_dead_demo_left_is_not_found(tmp_path):
    folder = tmp_path / "azora-demo-dead"
    folder.mkdir()
    (folder / "key.json").write_text("{}")
    (tmp_path / "azora-demo-empty").mkdir()
    assert running() is None


def test_what_others_put_there_is_not_found(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with (elsewhere / "key.json").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (tmp_path / "azora-demo-link").symlink_to(elsewhere)
        (tmp_path / "azora-demo-file").write_text("")
        assert running() is None
    with fresh(ISSUER).kept():
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        assert running() is None
