"""The import rules of the design, read from the syntax trees.

Each rule is a function from a tree (path -> source) to its violations, so it can be shown a tree that
breaks it.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent

# A component imports itself and what stands in an earlier row.
LEVELS = (
    ("http",),
    ("policy",),
    ("routing",),
    ("rewrite", "config"),
    ("wire",),
    ("telemetry",),
    ("upstream", "identity", "quota", "refusals", "retry", "progress", "outcome", "lookout"),
    ("ports", "surroundings", "peers"),
    ("relay", "rehearsal", "imports"),
    ("proxy", "explain", "cases", "audit"),
    ("gauges", "matrix", "listing"),
    ("reload", "diff"),
    ("admin", "running", "slo", "replay", "epilogs", "commands"),
    ("app", "completion"),
    ("workers", "demo"),
    ("cli",),
    ("__main__",),
)
LEVEL = {component: level for level, row in enumerate(LEVELS) for component in row}

PURE = ("http", "policy", "routing", "rewrite", "config")
IMPURE = {
    *("asyncio", "aiohttp", "redis", "opentelemetry", "prometheus_client", "httptools", "uvloop"),
    *("socket", "ssl", "select", "selectors", "threading", "subprocess", "http.client", "urllib.request"),
}

# Who may import a library: a component, or one module of it.
LIBRARIES = {
    "httptools": ("wire",),
    "uvloop": ("app", "workers.supervisor"),
    "aiohttp": ("admin", "identity", "upstream.health", "demo"),
    "aiohttp_cors": ("admin",),
    "redis": ("quota",),
    "shtab": ("completion",),
    "jwt": ("policy.jwk", "demo.signing"),
    "opentelemetry": ("telemetry",),
    "google": ("telemetry.senders",),
    "grpc": ("telemetry.senders",),
    "prometheus_client": ("telemetry",),
    "ssl": ("wire", "upstream"),
    "cryptography": ("policy.certificate", "config.pem", "demo.signing"),
    "argon2": ("identity.passwords",),
    "bcrypt": ("identity.passwords",),
    "yaml": ("config",),
    "pydantic": ("config",),
    "pydantic_core": ("config",),
    "jsonschema_rs": ("policy.json_schema",),
    "zlib": ("wire", "replay.lines"),
    "brotli": ("wire",),
    "zstandard": ("wire",),
    "orjson": ("http", "telemetry", "admin", "quota", "replay.recorded"),
}

# Modules without a test file of their own, beside every `__init__.py` and `__main__.py`, whose content is
# tested where it is used.
UNTESTED = {
    "gateway/http/reason.py": "a vocabulary",
    "gateway/http/response.py": "a constructor",
    "gateway/config/offline.py": "composition",
    "gateway/policy/ports.py": "protocols",
    "gateway/peers.py": "protocols",
    "gateway/telemetry/passage.py": "what the books measure",
    "gateway/surroundings.py": "shared by what test_proxy.py and tests/e2e drive",
    "gateway/policy/questions.py": "dataclasses",
    "gateway/identity/verifier.py": "composition",
    "gateway/ports.py": "composition",
    "gateway/workers/service.py": "what tests/e2e/test_workers.py drives",
    "gateway/workers/supervisor.py": "what tests/e2e/test_workers.py drives",
    "gateway/workers/worker.py": "what tests/workers/test_crew.py drives",
    "gateway/epilogs.py": "texts, which test_commands.py reads in the help of each verb",
}


def module(path: str) -> tuple[str, ...]:
    """The dotted name of a file, in parts: gateway/wire/clock.py -> gateway, wire, clock."""
    parts = PurePosixPath(path).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def component(parts: tuple[str, ...]) -> str:
    return parts[1] if len(parts) > 1 else ""


def imports(path: str, source: str) -> Iterator[tuple[str, ...]]:
    """Every dotted name that is imported anywhere in a file, late and typing-only imports too."""
    package = PurePosixPath(path).parent.parts
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            named = tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, *named, alias.name) for alias in node.names)


def edges(tree: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    for path, source in tree.items():
        for imported in imports(path, source):
            yield path, module(path), imported


def upward(tree: Mapping[str, str]) -> list[str]:
    """Imports of a component that stands on the same level or above."""
    return [
        f"{path} imports {'.'.join(imported)}"
        for path, importer, imported in edges(tree)
        if imported[0] == "gateway"
        and component(imported) not in ("__version__", "build", component(importer))
        and LEVEL.get(component(imported), len(LEVELS)) >= LEVEL.get(component(importer), -1)
    ]


def homeless(tree: Mapping[str, str]) -> list[str]:
    """Files of a component that stands on no level."""
    return [path for path in tree if component(module(path)) not in {"", *LEVEL}]


def impure(tree: Mapping[str, str]) -> list[str]:
    """Imports of I/O in the pure half."""
    return [
        f"{path} imports {'.'.join(imported)}"
        for path, importer, imported in edges(tree)
        if component(importer) in PURE and IMPURE & {".".join(imported[:size]) for size in (1, 2)}
    ]


def misplaced(tree: Mapping[str, str]) -> list[str]:
    """Imports of a library by a module that its row does not name, or of one that has no row."""
    own = sys.stdlib_module_names - LIBRARIES.keys() | {"gateway"}
    return [
        f"{path} imports {imported[0]}"
        for path, importer, imported in edges(tree)
        if imported[0] not in own
        and not any(
            importer[1:][: home.count(".") + 1] == tuple(home.split("."))
            for home in LIBRARIES.get(imported[0], ())
        )
    ]


def timekeeping(tree: Mapping[str, str]) -> list[str]:
    """Policies that look at a clock by themselves: time is handed to them."""
    return [
        path
        for path, importer, imported in edges(tree)
        if component(importer) == "policy" and imported[0] == "time"
    ]


def unmirrored(tree: Mapping[str, str], tests: frozenset[str]) -> list[str]:
    """Modules without their test file, and exceptions that no longer are any."""
    modules = {path for path in tree if not path.endswith(("__init__.py", "__main__.py"))}
    missing = {path for path in modules if mirror(path) not in tests}
    return sorted(missing ^ UNTESTED.keys())


def mirror(path: str) -> str:
    """gateway/x/y.py -> tests/x/test_y.py"""
    _, *folders, name = path.split("/")
    return "/".join(["tests", *folders, f"test_{name}"])


@pytest.fixture(scope="module")
def tree():
    paths = sorted((ROOT / "gateway").rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


RULES = (upward, homeless, impure, misplaced, timekeeping)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.__name__) for rule in RULES])
def test_the_gateway_keeps_the_rule(tree, rule):
    assert "gateway/http/fields.py" in tree
    violations = rule(tree)
    assert not violations, "\n".join(violations)


def test_every_module_has_its_test_file(tree):
    tests = frozenset(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py"))
    violations = unmirrored(tree, tests)
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        pytest.param(upward, "gateway/http/a.py", "import gateway.policy", id="http knows no policy"),
        pytest.param(
            upward, "gateway/policy/a.py", "from gateway import routing", id="policy knows no route"
        ),
        pytest.param(
            upward, "gateway/routing.py", "from gateway.config import x", id="routing reads no config"
        ),
        pytest.param(upward, "gateway/wire/a.py", "from ..proxy import Proxy", id="relative imports count"),
        pytest.param(upward, "gateway/wire/__init__.py", "from .. import proxy", id="those of a package too"),
        pytest.param(
            upward, "gateway/identity/a.py", "import gateway.quota.a", id="neighbours are strangers"
        ),
        pytest.param(upward, "gateway/proxy.py", "def f():\n    import gateway.cli", id="late imports count"),
        pytest.param(
            upward,
            "gateway/admin/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gateway.app import App",
            id="imports for types count",
        ),
        pytest.param(upward, "gateway/app.py", "import gateway.plugins", id="what has no level is above all"),
        pytest.param(homeless, "gateway/utils/a.py", "", id="a component nobody designed"),
        pytest.param(impure, "gateway/http/a.py", "import asyncio.events", id="http does not wait"),
        pytest.param(
            impure, "gateway/config/a.py", "from urllib import request", id="config fetches nothing"
        ),
        pytest.param(
            impure, "gateway/policy/a.py", "from socket import AF_INET", id="policies know no socket"
        ),
        pytest.param(misplaced, "gateway/proxy.py", "import httptools", id="httptools belongs to wire"),
        pytest.param(
            misplaced, "gateway/upstream/pool.py", "import aiohttp", id="aiohttp probes health only"
        ),
        pytest.param(
            misplaced, "gateway/upstream/healthy.py", "import aiohttp", id="a name that only begins so"
        ),
        pytest.param(misplaced, "gateway/wire/a.py", "from requests import get", id="a library of no row"),
        pytest.param(misplaced, "gateway/telemetry/a.py", "import zlib", id="zlib belongs to wire"),
        pytest.param(
            timekeeping, "gateway/policy/a.py", "from time import time as now", id="a policy's own clock"
        ),
    ],
)
def test_a_rule_sees_its_violation(rule, path, source):
    assert len(rule({path: source})) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        pytest.param("gateway/http/a.py", "from http import HTTPStatus\nimport orjson", id="http"),
        pytest.param(
            "gateway/http/__init__.py", "from .fields import Field", id="a package imports its modules"
        ),
        pytest.param(
            "gateway/upstream/health.py", "import aiohttp, asyncio\nfrom ..wire import a", id="health"
        ),
        pytest.param("gateway/cli.py", "from gateway import __version__, app", id="the top sees all"),
        pytest.param(
            "gateway/wire/a.py", "import time, httptools\nfrom gateway.config import snapshot", id="wire"
        ),
    ],
)
def test_what_is_allowed_breaks_no_rule(path, source):
    assert not [violation for rule in RULES for violation in rule({path: source})]


def test_a_module_without_a_test_file_is_seen():
    path = "gateway/x/y.py"
    tree = dict.fromkeys([*UNTESTED, path], "")
    assert [path] == unmirrored(tree, frozenset(["tests/x/test_x.py", "tests/test_y.py"]))
    assert not unmirrored(tree, frozenset(["tests/x/test_y.py"]))


@pytest.mark.parametrize("exception", UNTESTED)
def test_an_exception_that_is_none_any_more_is_seen(exception):
    tree = dict.fromkeys(UNTESTED, "")
    assert [exception] == unmirrored(tree, frozenset([mirror(exception)]))
    del tree[exception]
    assert [exception] == unmirrored(tree, frozenset())
