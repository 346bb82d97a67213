"""The unit for systemd: hardened, with the time to drain; systemd itself has the last word on it."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config.load import load_snapshot

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "azora-gateway.service"
ANALYZE = shutil.which("systemd-analyze")
# Of ten, as `systemd-analyze security` counts; what is left of it is the network that a gateway is there for.
EXPOSED_AT_MOST = 1.5

needs_systemd = pytest.mark.skipif(
    ANALYZE is None, reason="systemd-analyze is missing: apt-get install systemd"
)


def said(section):
    """What a section says: name -> values, in order."""
    text = re.search(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", UNIT.read_text(), re.MULTILINE | re.DOTALL)[1]
    settings = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        settings.setdefault(name, []).append(value)
    return settings


SERVICE = said("Service")


@pytest.fixture
def unit(tmp_path):
    """The unit, with programs that exist here."""
    path = tmp_path / UNIT.name
    path.write_text(re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", UNIT.read_text(), flags=re.MULTILINE))
    return path


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("DynamicUser", ["yes"]),
        ("ProtectSystem", ["strict"]),
        ("ProtectHome", ["yes"]),
        ("PrivateTmp", ["yes"]),
        ("PrivateDevices", ["yes"]),
        ("NoNewPrivileges", ["yes"]),
        ("CapabilityBoundingSet", [""]),
        ("AmbientCapabilities", [""]),
        ("MemoryDenyWriteExecute", ["yes"]),
        ("RestrictAddressFamilies", ["AF_UNIX AF_INET AF_INET6"]),
        ("SystemCallFilter", ["@system-service", "~@privileged @resources"]),
    ],
)
def test_service_is_hardened(name, values):
    assert values == SERVICE[name]


def test_it_starts_what_exists(capsys):
    """With options that the command knows."""
    program, verb, *options = shlex.split(SERVICE["ExecStart"][0])
    assert ("gateway", "run") == (Path(program).name, verb)
    with pytest.raises(SystemExit) as ended:
        main([verb, *options, "--help"])
    assert 0 == ended.value.code


def test_signals_are_those_of_the_gateway():
    """SIGHUP takes the files anew, SIGTERM drains."""
    assert (["/bin/kill -HUP $MAINPID"], ["SIGTERM"]) == (SERVICE["ExecReload"], SERVICE["KillSignal"])


def test_it_is_given_the_time_to_drain():
    drain = load_snapshot(ROOT / "config" / "gateway.yaml", {}).timeouts.drain
    assert drain < int(SERVICE["TimeoutStopSec"][0])


def test_token_is_a_credential():
    """Its file is out of the service's own sight."""
    (credential,) = SERVICE["LoadCredential"]
    name, source = credential.split(":")
    assert f"GATEWAY_ADMIN_TOKEN_FILE=%d/{name}" in SERVICE["Environment"]
    assert [f"-{Path(source).parent}"] == SERVICE["InaccessiblePaths"]


@needs_systemd
def test_systemd_has_nothing_to_say(unit):
    run = subprocess.run([ANALYZE, "verify", "--man=no", unit], capture_output=True, text=True)
    assert (0, []) == (run.returncode, [line for line in run.stderr.splitlines() if UNIT.name in line])


@needs_systemd
def test_systemd_finds_it_little_exposed(unit):
    command = [ANALYZE, "security", "--offline=true", "--no-pager", unit]
    run = subprocess.run(command, capture_output=True, text=True)
    (exposure,) = re.findall(r"exposure level for \S+: ([\d.]+)", run.stdout)
    assert float(exposure) <= EXPOSED_AT_MOST, run.stdout
