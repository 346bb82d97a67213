"""What the documents say is what the program does.

Links lead somewhere, commands exist, configurations load, and each table that stands in code as well is
rendered from there: where one has changed, the failure shows the text to put in its place.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

import orjson
import pytest

from gateway.cli import main
from gateway.config.load import load_snapshot
from gateway.config.scaffold import scaffold
from gateway.config.source import read
from gateway.http.reply import Reply
from gateway.refusals import WIRE, Faults
from gateway.telemetry.metrics import METRICS
from gateway.wire import downstream_states, upstream_states
from gateway.wire.transitions import Table
from gateway.wire.upstream import Fault

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "docs/runbooks/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_NAMED_FILE = re.compile(r"# ((?:config|policies)/\S+\.yaml)\n")
# A command begins a line or follows another one; what a shell would take as its arguments goes with it.
_GATEWAY = re.compile(r"(?:^|[|&;(]) *(?:\.venv/bin/)?gateway ([a-z-]+)([^|&;\n]*)", re.MULTILINE)
_MAKE = re.compile(r"^make ([a-z-]+)", re.MULTILINE)
_OPTION = re.compile(r"--[a-z]+")


def text(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def prose(document: str) -> str:
    """A document without its fenced blocks."""
    return _FENCE.sub("", text(document))


def commands(document: str) -> list[str]:
    """What a reader may type: the blocks for a shell, and what stands between backticks."""
    shell = [block for language, block in _FENCE.findall(text(document)) if language == "sh"]
    return shell + _SPAN.findall(prose(document))


def files(document: str) -> list[tuple[str, str]]:
    """The configuration files that a reader copies: YAML blocks which begin with their own path."""
    blocks = [block for language, block in _FENCE.findall(text(document)) if language == "yaml"]
    return [(named[1], block) for block in blocks if (named := _NAMED_FILE.match(block))]


def anchors(document: str) -> set[str]:
    """What `#...` may name in a document: its headings as the web page spells them."""
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(document))]
    return {heading.strip().replace(" ", "-") for heading in kept}


def data(name: str, yaml: str) -> object:
    """What a YAML text says, with its `${...}` as they stand."""
    tree, problems = read(name, yaml.encode(), lambda raw: raw)
    assert not problems
    return tree.data


def rows(*cells: tuple[str, ...]) -> str:
    """A Markdown table, the first row its head."""
    head, *body = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([head, "| --- " * len(cells[0]) + "|", *body]) + "\n"


def state_table(table: Table[IntEnum, IntEnum], events: type[IntEnum]) -> str:
    """Events down, states across: the next state and what is done; empty where it cannot happen."""

    def cell(state: IntEnum, event: IntEnum) -> str:
        if event not in table[state]:
            return ""
        following, action = table[state][event]
        return f"{following.name} `{action}`" if action else following.name

    body = [(event.name, *(cell(state, event) for state in table)) for event in events]
    return rows(("", *(f"**{state.name}**" for state in table)), *body)


def refusal_table() -> str:
    """What the client's side refuses."""
    cells = [(f"`{reason}`", str(reply.status), _detail(reply)) for reason, reply in WIRE.items()]
    return rows(("reason", "status", "detail"), *cells)


def fault_table() -> str:
    """What a failed backend comes to."""
    faults = Faults("azora-gateway")
    replies = [(fault.name, faults.reply(fault)) for fault in Fault] + [("a loop", faults.loop)]
    cells = [
        (name, str(reply.status), f"`{reply.reason}`", f"`{_error(reply)}`", _detail(reply))
        for name, reply in replies
    ]
    return rows(("fault", "status", "reason", "Proxy-Status", "detail"), *cells)


def metric_table() -> str:
    """Every metric, with the labels of its series, and what several workers make of it."""
    cells = [
        (
            f"`{metric.name}`",
            metric.kind,
            " ".join(f"`{label}`" for label in metric.labels),
            metric.together,
            metric.meaning,
        )
        for metric in METRICS.values()
    ]
    return rows(("name", "type", "labels", "workers", "meaning"), *cells)


def _detail(reply: Reply) -> str:
    return orjson.loads(reply.body.fill(b""))["detail"]


def _error(reply: Reply) -> str:
    return dict(reply.fields)[b"Proxy-Status"].decode().partition("; ")[2]


TABLES = {
    "states of a client's connection": state_table(downstream_states.TRANSITIONS, downstream_states.Event),
    "states of a backend's connection": state_table(upstream_states.TRANSITIONS, upstream_states.Event),
    "what the client's side refuses": refusal_table(),
    "what a failed backend comes to": fault_table(),
}


def typed() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for command in commands(document):
            yield from _GATEWAY.findall(command)


VERBS = sorted({(verb, tuple(_OPTION.findall(arguments))) for verb, arguments in typed()})


@pytest.mark.parametrize("table", [pytest.param(table, id=what) for what, table in TABLES.items()])
def test_architecture_has_the_table_of_the_code(table):
    assert table in text("ARCHITECTURE.md"), f"ARCHITECTURE.md lacks this table:\n\n{table}"


def test_metrics_has_the_table_of_the_code():
    table = metric_table()
    assert table in text("docs/metrics.md"), f"docs/metrics.md lacks this table:\n\n{table}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document):
    broken = []
    for link in _LINK.findall(prose(document)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        if not target.exists() or (anchor and anchor not in anchors(str(target))):
            broken.append(link)
    assert [] == broken


def test_readme_leads_to_every_document():
    """To runbooks through their index."""
    folder = "docs/runbooks/"
    runbooks = {document for document in DOCUMENTS if document.startswith(folder)} - {f"{folder}README.md"}
    assert set(DOCUMENTS) - runbooks - {"README.md"} <= set(_LINK.findall(prose("README.md")))
    assert runbooks <= {folder + link for link in _LINK.findall(prose(f"{folder}README.md"))}


@pytest.mark.parametrize(("verb", "options"), VERBS, ids=[" ".join((verb, *rest)) for verb, rest in VERBS])
def test_every_verb_exists(verb, options, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert 0 == ended.value.code
    assert set(options) <= set(_OPTION.findall(capsys.readouterr().out))


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    named = {
        target
        for document in DOCUMENTS
        for command in commands(document)
        for target in _MAKE.findall(command)
    }
    assert {"install", "demo", "test"} <= named <= targets


@pytest.mark.parametrize("document", ["README.md", "docs/getting-started.md"])
def test_configurations_load_whenever_a_reader_has_saved_a_file(document, tmp_path):
    config, policies = tmp_path / "config" / "gateway.yaml", tmp_path / "policies"
    loaded = 0
    for name, block in files(document):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(block)
        if config.exists() and policies.exists():
            loaded += len(load_snapshot(config, {}).routes)
    assert loaded


def test_getting_started_shows_what_init_writes():
    written = scaffold("http://127.0.0.1:3000")
    shown = dict(files("docs/getting-started.md")[: len(written)])
    assert {name: data(name, yaml) for name, yaml in written.items()} == {
        name: data(name, yaml) for name, yaml in shown.items()
    }


def test_architecture_names_every_part_of_the_gateway():
    parts = {path.name for path in (ROOT / "gateway").iterdir() if path.suffix in ("", ".py")}
    tree = next(
        block for _, block in _FENCE.findall(text("ARCHITECTURE.md")) if block.startswith("gateway/\n")
    )
    listed = set(re.findall(r"^  ([\w.]+)", tree, re.MULTILINE))
    assert parts - {"__pycache__", "__init__.py", "__main__.py"} == listed
