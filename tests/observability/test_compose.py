"""The compose file: valid, hardened, closed to the world but for the gateway, of one piece with the rest."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.config.load import load_snapshot
from gateway.config.problem import ConfigError
from gateway.demo.run import parts

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.CSafeLoader((ROOT / "docker-compose.yml").read_bytes()).get_single_data()
TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES = COMPOSE["services"]
EXAMPLE = (ROOT / ".env.example").read_text()
# What people look at, on loopback.
DESKS = {
    "alertmanager": "9093:9093",
    "grafana": "3000:3000",
    "jaeger": "16686:16686",
    "prometheus": "9090:9090",
}
DEMO = set(parts())
# Set for the exporter of spans, by its own name.
OTHERS = {"OTEL_EXPORTER_OTLP_ENDPOINT"}

each_service = pytest.mark.parametrize("name", SERVICES)


def mounts(name):
    """What a service gets of the host: source -> target."""
    for volume in SERVICES[name].get("volumes", ()):
        if isinstance(volume, dict):
            assert volume["type"] == "bind"
            yield volume["source"], volume


def filled(text, environ):
    """What compose makes of `${NAME:-default}`, `${NAME-default}` and `${NAME:?why}`."""
    return re.sub(
        r"\$\{(\w+)(?::?-([^}]*)|:\?[^}]*)?\}", lambda match: environ.get(match[1], match[2] or ""), text
    )


def test_it_is_a_compose_file():
    """By the schema of the specification."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    run = subprocess.run([*command, ROOT / "docker-compose.yml"], capture_output=True, text=True)
    assert 0 == run.returncode, run.stdout


@each_service
def test_service_is_hardened(name):
    """No root, nothing to write, no capabilities, no more of the machine than its share."""
    service = SERVICES[name]
    user, group = service["user"].split(":", 1)
    assert int(user) > 0
    assert group.isdigit() or group.startswith("${DOCKER_GID:?")
    assert True is service["read_only"]
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"} & service.keys()
    assert {"mem_limit", "cpus", "pids_limit", "restart", "logging"} <= service.keys()


@each_service
def test_service_says_whether_it_is_well(name):
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@each_service
def test_service_waits_for_those_that_it_needs_to_be_well(name):
    """They are of its own profile, so that no profile is started in part."""
    service = SERVICES[name]
    assert service["profiles"][0] in ("core", "demo", "observability")
    for needed, how in service.get("depends_on", {}).items():
        shared = service.get("network_mode") == f"service:{needed}"
        assert how["condition"] == ("service_started" if shared else "service_healthy")
        assert shared or SERVICES[needed]["profiles"] == service["profiles"]


@each_service
def test_image_has_a_version(name):
    image = SERVICES[name]["image"]
    assert image == "azora-gateway:local" or re.fullmatch(r"[\w./-]+:v?\d+\.\d+[\w.-]*", image)


def test_only_the_gateway_is_published_to_the_world():
    """What people look at is published on loopback; the admin listener, Redis and the services not at all."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert {
        "gateway": ["${GATEWAY_PORT:-8080}:8080"],
        **{name: [f"127.0.0.1:{ports}"] for name, ports in DESKS.items()},
    } == published


def test_networks_lead_nowhere_but_for_those_that_have_to():
    networks = COMPOSE["networks"]
    assert {"edge", "desk"} == {name for name, one in networks.items() if not one.get("internal")}
    members = {
        network: {name for name, service in SERVICES.items() if network in service.get("networks", ())}
        for network in networks
    }
    assert {"gateway"} == members["edge"]
    assert DESKS.keys() == members["desk"]
    assert {"gateway", "redis"} == members["store"]
    assert {"gateway", *DEMO} - {"azora-id"} == members["services"]
    assert {"alloy", "docker-api"} == members["docker"]
    assert {"gateway", "alloy", "loki", *DESKS} == members["telemetry"]


def test_only_one_container_may_ask_docker():
    """And it passes on what reading logs takes, and nothing that changes anything."""
    assert ["docker-api"] == [
        name for name in SERVICES for source, _ in mounts(name) if "docker.sock" in source
    ]
    command = SERVICES["docker-api"]["command"]
    assert {"-allowGET", "-allowHEAD", "-allowfrom", "-allowhealthcheck", "-listenip"} == {
        option.partition("=")[0] for option in command
    }
    (pattern,) = [option.removeprefix("-allowGET=") for option in command if option.startswith("-allowGET")]
    admitted = re.compile(f"^{pattern}$")
    for path in ("/_ping", "/v1.51/containers/json", "/v1.51/containers/0a1b/logs", "/v1.51/networks"):
        assert admitted.match(path)
    for path in (
        *(
            "/v1.51/containers/0a1b/archive",
            "/v1.51/containers/0a1b/export",
            "/v1.51/secrets",
            "/v1.51/images/json",
        ),
        *("/_ping/../v1.51/images/json", "/v1.51/containers/json/x", "/x/v1.51/containers/json"),
    ):
        assert not admitted.match(path)


@each_service
def test_what_is_mounted_exists(name):
    """Read-only; secrets are made by `make secrets`, and the socket is Docker's."""
    for source, volume in mounts(name):
        assert True is volume["read_only"]
        assert source == "/var/run/docker.sock" or (ROOT / source).is_dir()
    for volume in SERVICES[name].get("volumes", ()):
        assert isinstance(volume, dict) or volume.partition(":")[0] in COMPOSE["volumes"]
    for option in SERVICES[name].get("command", ()):
        for target in re.findall(r"/etc/[\w./-]+\.(?:yml|alloy)", option):
            ours = [
                source + target.removeprefix(volume["target"])
                for source, volume in mounts(name)
                if target.startswith(volume["target"] + "/")
            ]
            # alertmanager/ has an owner of its own.
            assert [True] == [(ROOT / path).is_file() or "/alertmanager/" in path for path in ours]


def test_secrets_are_those_that_are_made(prepared):
    """Each is used, each is a file, and none stands in the compose file."""
    made = {path.name: path for path in (prepared / "secrets").iterdir()}
    assert {name: {"file": f"./secrets/{name}"} for name in made} == COMPOSE["secrets"]
    assert made.keys() == {name for service in SERVICES.values() for name in service.get("secrets", ())}
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|REDIS_URL", name):
                assert name.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_secrets_are_hidden_from_everybody_else(prepared):
    """Containers read them as users of their own: the folder is shut, the files are not."""
    folder = prepared / "secrets"
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert {name: 0o644 if name == "slack_webhook_url" else 0o444 for name in modes} == modes
    assert all(len((folder / name).read_text()) >= 43 for name in ("gateway_admin_token", "grafana_password"))


def test_secrets_are_made_once(prepare, prepared):
    """What is there is kept, and what is gone is made anew: so they are exchanged."""
    folder = prepared / "secrets"
    before = {path.name: path.read_text() for path in folder.iterdir()}
    assert [] == prepare(prepared, prepared)
    (folder / "redis_users").unlink()
    prepare(prepared, prepared)
    after = {path.name: path.read_text() for path in folder.iterdir()}
    assert {"redis_users", "redis_url"} == {name for name, text in after.items() if text != before[name]}


def test_settings_are_written_with_the_group_that_may_ask_docker(prepared):
    group = prepared.stat().st_gid
    assert EXAMPLE.replace("DOCKER_GID=\n", f"DOCKER_GID={group}\n") == (prepared / ".env").read_text()


def test_settings_are_those_that_are_used():
    """Services of one's own are a variable each; compose itself knows the name of the project."""
    used = set(re.findall(r"\$\{(\w+)", TEXT)) - {"COMPOSE_PROJECT_NAME"}
    services = {f"{name.upper().replace('-', '_')}_URL" for name in DEMO - {"azora-id"}}
    shown = set(re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE)) - {"COMPOSE_PROFILES"}
    assert used == shown | services
    assert "DOCKER_GID=\n" in EXAMPLE


def test_demo_is_every_service_and_the_issuer():
    """All at the same port, each under its name; the issuer where only the gateway's container is."""
    commands = {
        name: service["command"] for name, service in SERVICES.items() if service["profiles"] == ["demo"]
    }
    run = {name: ["demo", "--only", name, "--address", "0.0.0.0:4000"] for name in DEMO}
    assert {**run, "azora-id": [*run["azora-id"][:-1], "127.0.0.1:4100"]} == commands
    assert "service:gateway" == SERVICES["azora-id"]["network_mode"]


@pytest.fixture
def environment(prepared):
    """What the gateway's container has in its environment, the secrets where this test has them."""
    given = {name: filled(value, {}) for name, value in SERVICES["gateway"]["environment"].items()}
    return {name: value.replace("/run", str(prepared)) for name, value in given.items()}


def test_gateway_takes_its_own_configuration_from_there(environment):
    """Services are found by their names, and the admin listener asks for the token that was made."""
    snapshot = load_snapshot(ROOT / "config" / "gateway.yaml", environment)
    assert "0.0.0.0:9901" == str(snapshot.admin.address)
    assert Path(environment["GATEWAY_ADMIN_TOKEN_FILE"]).read_text() == snapshot.admin.token
    found = {
        name: [str(endpoint) for endpoint in upstream.endpoints]
        for name, upstream in snapshot.upstreams.items()
    }
    assert {name: [f"{name}:4000"] for name in DEMO - {"azora-id"}} == found


def test_gateway_does_not_start_without_its_secrets(environment, prepared):
    for path in (prepared / "secrets").iterdir():
        path.unlink()
    with pytest.raises(ConfigError, match="expected a readable file"):
        load_snapshot(ROOT / "config" / "gateway.yaml", environment)


def test_gateway_is_given_nothing_that_it_does_not_ask_for():
    asked = set(re.findall(r"\$\{env:(\w+)", (ROOT / "config" / "gateway.yaml").read_text()))
    given = {name.removesuffix("_FILE") for name in SERVICES["gateway"]["environment"]}
    assert {name for name in asked if name.endswith("_URL")} <= given
    assert set() == given - asked - OTHERS
