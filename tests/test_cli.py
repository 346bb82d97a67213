"""The verbs: what each prints, and its exit status."""

import io
import json
import re
import resource
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from gateway import __version__, build
from gateway.cli import main, parser
from gateway.commands import verbs
from gateway.config.source import read
from gateway.identity.passwords import matches

ROOT = Path(__file__).parent.parent
GATEWAY = """\
version: 1
listeners: [{address: "127.0.0.1:0"}]
admin: {address: "127.0.0.1:1"}
upstreams: {pay: {endpoints: ["http://127.0.0.1:4009"]}}
policies: [policies]
"""
ROUTES = """\
routes:
  - {id: charge, match: {path: "/charges/{id}", methods: [GET, PUT]}, upstream: pay, auth: public}
  - {id: moved, match: {path: /old}, redirect: {to: /new}, auth: public}
"""
PROBLEM = "policies/routes.yaml:2:"


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Writes a configuration, and gives the path of its gateway.yaml."""
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)

    def write(routes=ROUTES):
        (tmp_path / "policies").mkdir(exist_ok=True)
        (tmp_path / "policies" / "routes.yaml").write_text(routes)
        (tmp_path / "gateway.yaml").write_text(GATEWAY)
        return str(tmp_path / "gateway.yaml")

    return write


@pytest.fixture
def broken(config):
    """A configuration with one problem: an upstream that does not exist."""
    return lambda: config(ROUTES.replace("upstream: pay", "upstream: payy"))


def test_check_tells_what_loads(config, capsys):
    assert 0 == main(["check", "--config", config()])
    assert re.fullmatch("ok: 2 routes, 1 upstream, version [0-9a-f]{12}\n", capsys.readouterr().out)


def test_check_tells_each_problem_and_its_place(broken, capsys):
    assert 1 == main(["check", "--config", broken()])
    (line,) = capsys.readouterr().out.splitlines()
    assert PROBLEM in line
    assert "routes[0].upstream" in line


@pytest.mark.parametrize(("sound", "status"), [(True, 0), (False, 1)], ids=["sound", "broken"])
def test_check_in_json_is_for_programs(config, broken, capsys, sound, status):
    assert status == main(["check", "--format", "json", "--config", config() if sound else broken()])
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert ([] if sound else [2]) == [problem["line"] for problem in problems]


def test_configuration_is_found_through_the_environment(config, capsys, monkeypatch):
    monkeypatch.setenv("GATEWAY_CONFIG", config())
    assert 0 == main(["check"])
    assert capsys.readouterr().out.startswith("ok: 2 routes")


@pytest.mark.parametrize("verb", ["check", "run", "routes", "slo", "healthcheck", "demo"])
def test_file_that_is_not_there_is_one_line(capsys, tmp_path, verb):
    assert 1 == main([verb, "--config", str(tmp_path / "none.yaml")])
    out, err = capsys.readouterr()
    (line,) = (out + err).splitlines()
    assert line.endswith("none.yaml:1:1: expected a file that can be read: No such file or directory")


@pytest.mark.parametrize("verb", ["run", "routes", "slo", "reload"])
def test_verbs_that_need_a_configuration_tell_its_problems(broken, capsys, verb):
    """On standard error: what they print is for others."""
    assert 1 == main([verb, "--config", broken()])
    out, err = capsys.readouterr()
    assert (True, "") == (PROBLEM in err, out)


def test_routes_stand_in_columns(config, capsys):
    assert 0 == main(["routes", "--config", config()])
    lines = capsys.readouterr().out.splitlines()
    assert [
        ["GET PUT", "/charges/{id}", "pay", "charge"],
        ["any", "/old", "redirect 308", "moved"],
    ] == [re.split("  +", line)[:4] for line in lines]
    assert 1 == len({line.index(id) for line, id in zip(lines, ("charge ", "moved "), strict=True)} - {0})


def test_routes_in_json_are_for_programs(config, capsys):
    assert 0 == main(["routes", "--format", "json", "--config", config()])
    routes = json.loads(capsys.readouterr().out)
    assert [("charge", "pay"), ("moved", "redirect 308")] == [
        (route["id"], route["target"]) for route in routes
    ]


def test_no_routes_are_no_lines(config, capsys):
    assert 0 == main(["routes", "--config", config("routes: []\n")])
    assert "" == capsys.readouterr().out


def test_rules_are_printed_or_written(config, capsys, tmp_path):
    promising = config(ROUTES.replace("upstream: pay", "upstream: pay, slo: {availability: 99%}"))
    assert 0 == main(["slo", "--config", promising])
    printed = capsys.readouterr().out
    assert 'route="charge"' in printed
    file = tmp_path / "slo.yml"
    assert 0 == main(["slo", "--config", promising, "--write", str(file)])
    assert (f"{file}\n", printed) == (capsys.readouterr().out, file.read_text())


def test_rules_for_nothing_are_not_written(config, capsys, tmp_path):
    """A file without them would end every alert, and nobody would know."""
    assert 1 == main(["slo", "--config", config(), "--write", str(tmp_path / "slo.yml")])
    assert ("", "gateway: no route has an `slo`, its own or by default\n") == capsys.readouterr()
    assert not (tmp_path / "slo.yml").exists()


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("gateway", "config/gateway.schema.json"),
        ("policies", "policies/policies.schema.json"),
        ("cases", "policies/tests.schema.json"),
        ("waivers", "policies/waivers.schema.json"),
    ],
)
def test_schema_is_the_one_in_the_repository(capsys, file, path):
    assert 0 == main(["schema", file])
    assert (ROOT / path).read_text() == capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--only", "azora-bay"], "expected one of api-gateway, auth-service, ", id="no part"),
        pytest.param(
            ["--only", "azora-pay", "--address", "pay:80"],
            "--address: expected an address such as",
            id="a name",
        ),
    ],
)
def test_demo_tells_what_it_cannot_run_alone(capsys, arguments, message):
    assert 2 == main(["demo", *arguments])
    assert capsys.readouterr().err.startswith(f"gateway: {message}")


def test_init_writes_two_files_that_load(capsys, tmp_path):
    assert 0 == main(["init", "http://pay.internal:3000", "--directory", str(tmp_path)])
    written = ["config/gateway.yaml", "policies/pay.yaml"]
    assert [str(tmp_path / name) for name in written] == capsys.readouterr().out.splitlines()[:2]
    assert 0 == main(["check", "--config", str(tmp_path / written[0])])
    assert capsys.readouterr().out.startswith("ok: 1 route, 1 upstream")


def test_init_overwrites_nothing(capsys, tmp_path):
    """Not even the file that is missing is written then."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "pay.yaml").write_text("mine")
    assert 1 == main(["init", "http://pay.internal:3000", "--directory", str(tmp_path)])
    assert "policies/pay.yaml exists; nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "config").exists()
    assert "mine" == (tmp_path / "policies" / "pay.yaml").read_text()


def test_init_into_what_is_no_folder_is_one_line(capsys, tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert 1 == main(["init", "http://pay.internal:3000", "--directory", str(file)])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gateway: ")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("pay.internal", id="no scheme"),
        pytest.param("ftp://pay.internal", id="another scheme"),
        pytest.param("http://pay.internal/path", id="a path"),
    ],
)
def test_init_wants_an_endpoint(capsys, tmp_path, url):
    assert 2 == main(["init", url, "--directory", str(tmp_path)])
    assert capsys.readouterr().err.startswith(f"gateway: {url}: expected ")
    assert [] == [*tmp_path.iterdir()]


# The verbs that need a gateway, a demo or a signal to end well do so in tests/e2e.
STATUSES = {
    "init": {0: "http://a:1 --directory FOLDER/new", 1: "http://a:1 --directory FILE", 2: "a"},
    "run": {1: "--config BROKEN", 2: "now"},
    "check": {0: "--config SOUND", 1: "--config BROKEN", 2: "--format xml"},
    "demo": {1: "--config BROKEN", 2: "--only azora-bay"},
    "token": {1: "", 2: "--claim wallet"},
    "api-key": {0: "--principal a", 2: "--principal a --expires soon"},
    "password": {0: "thandi", 2: "a:b"},
    "routes": {0: "--config SOUND", 1: "--config SOUND --match GET /none", 2: "--config SOUND --match GET x"},
    "matrix": {0: "--config SOUND", 2: "--config SOUND --role nobody"},
    "diff": {0: "SOUND SOUND", 1: "EMPTY SOUND", 2: "BROKEN SOUND"},
    "replay": {
        0: "SOUND SOUND --log LOG",
        1: "SOUND EMPTY --log LOG",
        2: "BROKEN SOUND --log LOG",
    },
    "import": {
        0: "openapi DOCUMENT --upstream http://a:1",
        1: "openapi FILE --upstream http://a:1",
        2: "openapi DOCUMENT --upstream a",
    },
    "slo": {0: "--config PROMISING", 1: "--config SOUND", 2: "--write"},
    "explain": {0: "--config SOUND GET /old", 1: "--config SOUND GET /none", 2: "--config BROKEN GET /old"},
    "test": {0: "--config SOUND CASES", 1: "--config SOUND CASES --coverage-min 100", 2: "--config SOUND"},
    "audit": {
        0: "--config SOUND --waivers WAIVERS --fail-on error",
        1: "--config SOUND --fail-on note",
        2: "--config BROKEN",
    },
    "schema": {0: "cases", 2: "routes"},
    "reload": {1: "--config SOUND", 2: "now"},
    "healthcheck": {1: "--config SOUND", 2: "now"},
    "completion": {0: "bash", 2: "tcl"},
    "version": {0: "", 2: "--config a"},
}


WAIVER = '  - {{rule: {}, route: charge, reason: it is a toy, expires: "2999-01-01T00:00:00Z"}}\n'
LINE = {
    **{"type": "access", "request_id": "a" * 32, "method": "GET", "host": "a", "path": "/charges/1"},
    **{"client": "192.0.2.7", "route": "charge", "principal": "", "roles": [], "decision": "passed"},
    **{"policy": "", "reason": "", "status": 200, "attempts": 1, "bytes_in": 0, "config_version": "v"},
}


@pytest.fixture
def written(config, tmp_path, monkeypatch):
    """Files of all kinds, by the words of the table."""
    # Where no other demo is found.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO("sesame\n"))
    kinds = {
        "SOUND": ROUTES,
        "BROKEN": ROUTES.replace("upstream: pay", "upstream: payy"),
        "EMPTY": "routes: []\n",
        "PROMISING": ROUTES.replace("upstream: pay", "upstream: pay, slo: {availability: 99%}"),
    }
    paths = {"FOLDER": str(tmp_path)}
    for kind, routes in kinds.items():
        folder = Path(config(routes)).parent
        paths[kind] = str(shutil.copytree(folder / "policies", tmp_path / kind / "policies").parent)
        shutil.copy(folder / "gateway.yaml", paths[kind])
        paths[kind] += "/gateway.yaml"
    texts = {
        "CASES": "cases:\n  - {name: old, request: {path: /old}, expect: {status: 308}}\n",
        "WAIVERS": "waivers:\n" + "".join(map(WAIVER.format, ("AZ101", "AZ201"))),
        "FILE": "",
        "LOG": json.dumps(LINE) + "\n",
        "DOCUMENT": (ROOT / "examples" / "schemas" / "pets.yaml").read_text(),
    }
    for kind, text in texts.items():
        paths[kind] = str(tmp_path / f"{kind}.yaml")
        Path(paths[kind]).write_text(text)
    return lambda words: [
        re.sub("^(?!GET)[A-Z]{3,}", lambda kind: paths[kind[0]], word) for word in words.split()
    ]


@pytest.mark.parametrize(
    ("verb", "status", "words"),
    [
        pytest.param(verb, status, words, id=f"{verb} {status}")
        for verb, rows in STATUSES.items()
        for status, words in rows.items()
    ],
)
def test_the_exit_status_is_what_help_says_it_is(verb, status, words, written, capsys):
    """0 is fine, 1 a finding, 2 wrong usage or a question that could not be put."""
    try:
        ended = main([verb, *written(words)])
    except SystemExit as wrong:
        ended = wrong.code
    told = capsys.readouterr()
    assert status == ended, told
    # Where a pipe stops, somebody has to read why.
    assert told.err if status == 2 else told.out or told.err
    # Neither colours nor progress, but at a terminal.
    assert "\x1b" not in told.out + told.err


def test_every_verb_has_its_statuses():
    assert STATUSES.keys() == verbs(parser()).keys()


def test_healthcheck_without_a_gateway_fails(config, capsys):
    assert 1 == main(["healthcheck", "--config", config()])
    assert capsys.readouterr().err.startswith("gateway: no answer from the admin listener 127.0.0.1:1: ")


def test_healthcheck_minds_no_file_but_its_own(broken, capsys):
    """A gateway that serves is well, whatever is being written into the files of policies."""
    assert 1 == main(["healthcheck", "--config", broken()])
    assert capsys.readouterr().err.startswith("gateway: no answer from the admin listener 127.0.0.1:1: ")


def test_healthcheck_tells_each_problem_where_it_cannot_tell_whom_to_ask(config, capsys):
    path = config()
    Path(path).write_text(GATEWAY.replace("127.0.0.1:1", "nowhere"))
    assert 1 == main(["healthcheck", "--config", path])
    assert "gateway.yaml:3:18: admin.address: expected an address such as" in capsys.readouterr().err


def test_version_is_printed(capsys):
    assert 0 == main(["version"])
    assert f"{__version__} ({build()})\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="no verb"),
        pytest.param(["serve"], id="a verb that is none"),
        pytest.param(["init"], id="no URL"),
        pytest.param(["token", "--claim", "wallet"], id="a claim without a value"),
        pytest.param(["check", "--format", "xml"], id="a format that is none"),
        pytest.param(["schema", "routes"], id="a file that has no schema"),
        pytest.param(["version", "--config", "a"], id="an option that the verb does not take"),
    ],
)
def test_wrong_usage_is_2(capsys, arguments):
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert 2 == raised.value.code
    assert "usage: gateway" in capsys.readouterr().err


def test_reader_that_has_seen_enough_is_no_error():
    """`gateway schema | head` closes the pipe early."""
    writing = subprocess.Popen(
        [sys.executable, "-m", "gateway", "schema", "gateway"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    writing.stdout.close()
    assert (b"", 0) == (writing.stderr.read(), writing.wait(timeout=10))
    writing.stderr.close()


def computed(*arguments):
    """Seconds of computing that a process of Python takes at the least, however busy the machine is."""
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds)


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [
        pytest.param(["--help"], 0.1, id="help"),
        pytest.param(["version"], 0.1, id="version"),
        pytest.param(["healthcheck"], 0.3, id="healthcheck"),
    ],
)
def test_what_is_asked_often_is_quick(arguments, limit):
    """200 ms beside the interpreter's own start; a machine that is busy with others computes slower."""
    assert computed("-m", "gateway", *arguments) - computed("-c", "pass") < limit


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        pytest.param(["--help"], {"aiohttp", "uvloop", "pydantic", "asyncio", "yaml", "shtab"}, id="help"),
        pytest.param(["version"], {"aiohttp", "uvloop", "pydantic", "asyncio", "yaml"}, id="version"),
        pytest.param(["healthcheck"], {"aiohttp", "uvloop", "pydantic", "asyncio"}, id="healthcheck"),
        pytest.param(["completion", "bash"], {"aiohttp", "uvloop", "pydantic", "asyncio"}, id="completion"),
        pytest.param(["check"], {"aiohttp", "uvloop"}, id="check"),
        pytest.param(["schema"], {"aiohttp", "uvloop"}, id="schema"),
        pytest.param(["matrix"], {"uvloop", "prometheus_client"}, id="matrix"),
        pytest.param(["routes"], {"uvloop", "prometheus_client"}, id="routes"),
        pytest.param(["diff", ".", "."], {"uvloop", "prometheus_client"}, id="diff"),
        pytest.param(
            ["replay", ".", ".", "--log", "/dev/null"], {"uvloop", "prometheus_client"}, id="replay"
        ),
        pytest.param(["import", "openapi", "--help"], {"aiohttp", "pydantic", "yaml"}, id="import"),
    ],
)
def test_only_what_is_needed_is_imported(arguments, unwanted):
    program = (
        "import sys\nfrom gateway.cli import main\n"
        f"try: main({arguments})\nexcept SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert (set(), 0) == (unwanted & {*done.stderr.split()}, done.returncode)


def test_a_key_is_printed_once_beside_its_entry(capsys):
    options = ["--principal", "probe", "--role", "admin", "--expires", "2027-01-31T00:00:00Z"]
    assert 0 == main(["api-key", *options])
    printed = capsys.readouterr().out
    (key,) = re.findall("^gw_live_[a-z0-9]+_[a-z0-9]+$", printed, re.MULTILINE)
    tree, _ = read("a.yaml", f"keys:\n{printed.partition('`keys:`')[2]}".encode(), lambda text: text)
    (entry,) = tree.at(("keys",))
    assert {
        "id": key.split("_")[2],
        "sha256": sha256(key.encode()).hexdigest(),
        "principal": "probe",
        "roles": ["admin"],
        "expires": "2027-01-31T00:00:00Z",
    } == entry


def test_a_key_that_would_not_load_is_not_made(capsys):
    assert 2 == main(["api-key", "--principal", "probe", "--role", "1"])
    captured = capsys.readouterr()
    assert ("", True) == (captured.out, "gateway: roles: a name of letters" in captured.err)


def test_a_password_is_read_and_its_hash_printed(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("sësam\n"))
    assert 0 == main(["password", "thandi"])
    tree, _ = read("a.yaml", f"users:\n{capsys.readouterr().out}".encode(), lambda text: text)
    (user,) = tree.at(("users",))
    assert ("thandi", True) == (user["name"], matches(user["hash"], "sësam".encode()))


@pytest.mark.parametrize(
    ("name", "text"),
    [pytest.param("thandi", "\n", id="no password"), pytest.param("a:b", "x\n", id="no user")],
)
def test_who_could_not_log_in_is_not_printed(capsys, monkeypatch, name, text):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert 2 == main(["password", name])
    assert "" == capsys.readouterr().out
