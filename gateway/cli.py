"""The command line: one function a verb, and nothing imported before it is needed."""

import argparse
import os
import sys
from collections.abc import Callable, Sized
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import __version__, build
from gateway.audit import options as audit_options
from gateway.epilogs import EPILOGS
from gateway.explain import options as explain_options
from gateway.imports import options as import_options
from gateway.replay import options as replay_options

if TYPE_CHECKING:
    from gateway.config.snapshot import Snapshot
    from gateway.policy.ports import Ports

OK, FINDINGS, USAGE = 0, 1, 2

_EPILOG = """\
The configuration is --config, else $GATEWAY_CONFIG, else config/gateway.yaml.
Exit status: 0 fine, 1 findings, 2 wrong usage.

examples:
  gateway init http://127.0.0.1:3000   two commented files for a service of yours
  gateway check                        every problem of every file, with its place
  gateway explain GET /api/items       each step that decides about a request, and its line of YAML
  gateway test                         whether the policies do what policies/tests expects
  gateway matrix                       which role may ask which route by which method
  gateway diff OLD NEW                 what another configuration lets whom do; 1 where access widens
  gateway replay OLD NEW --log LOG     which requests of an access log it would decide differently
  gateway routes --match GET /a        which route a request takes, and why not the others
  gateway audit                        what is left open, and what it shows for the lists of OWASP
  gateway import openapi FILE          policies from the description of a service
  gateway run                          serve
  gateway demo                         ten toy services behind the gateway
  gateway token --role educator        a token that the demo takes
  gateway api-key --principal NAME     a key for a program
  gateway completion bash              a script for your shell
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    options = parser().parse_args(arguments)
    verb: Callable[[argparse.Namespace], int] = options.verb
    try:
        return verb(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", FINDINGS)


def parser() -> argparse.ArgumentParser:
    """All verbs; what is given for one has its function as `verb`."""
    parser = argparse.ArgumentParser(
        prog="gateway",
        description="A reverse-proxy security gateway whose policies can be read, tested and explained.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=text, description=text, epilog=EPILOGS.get(name))
        one.formatter_class = argparse.RawDescriptionHelpFormatter
        one.set_defaults(verb=run)
        return one

    def configured(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        one = verb(name, run, text)
        one.add_argument("--config", type=Path, metavar="FILE", help="the configuration (gateway.yaml)")
        return one

    init = verb("init", init_, "Write two commented files that put a service of yours behind the gateway.")
    init.add_argument("url", help="where the service is, such as http://127.0.0.1:3000")
    init.add_argument("--directory", type=Path, default=Path(), help="where to write (default: here)")
    configured("run", run_, "Serve. SIGTERM drains; a second one stops at once.")
    check = configured("check", check_, "Report every problem of every configuration file.")
    check.add_argument("--format", choices=["text", "json"], default="text", help="how (default: text)")
    demo = configured("demo", demo_, "Ten toy services, and the gateway in front of them. Ctrl-C stops it.")
    demo.add_argument("--only", metavar="NAME", help="one of the services, or azora-id, the issuer, alone")
    demo.add_argument(
        "--address", default="127.0.0.1:0", help="where that one listens (default: a free port of loopback)"
    )
    token = verb("token", token_, "Print a token that the running demo takes, good for an hour.")
    token.add_argument("--role", action="append", default=[], help="a role; may be repeated")
    token.add_argument("--scope", action="append", default=[], help="a scope; may be repeated")
    token.add_argument("--subject", default="user-1", help="who asks (default: user-1)")
    token.add_argument(
        "--claim",
        type=_claim,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what else it says, or says otherwise: JSON, else text; may be repeated",
    )
    key = verb("api-key", api_key_, "Make a key for a program, and the entry that lets it in.")
    key.add_argument("--principal", required=True, metavar="NAME", help="who asks with it")
    key.add_argument("--role", action="append", default=[], help="a role; may be repeated")
    key.add_argument("--scope", action="append", default=[], help="a scope; may be repeated")
    key.add_argument("--tier", help="the tier that it is counted by")
    key.add_argument("--expires", metavar="MOMENT", help="when it ends, such as 2027-01-31T00:00:00Z")
    password = verb("password", password_, "Read a password, and print the entry that lets its user in.")
    password.add_argument("name", help="the user")
    routes = configured("routes", routes_, "List the routes: where each request would go, and who may ask.")
    routes.add_argument("--format", choices=["text", "json"], default="text", help="how (default: text)")
    routes.add_argument(
        "--match", nargs=2, metavar=("METHOD", "URL"), help="the route of a request, and why not the others"
    )
    routes.add_argument(
        *("-H", "--header"), action="append", default=[], metavar="'NAME: VALUE'", help="a field of it"
    )
    matrix = configured("matrix", matrix_, "Print which role may ask which route by which method.")
    matrix.add_argument(
        "--format", choices=["markdown", "csv", "json"], default="markdown", help="how (default: markdown)"
    )
    matrix.add_argument("--role", action="append", default=[], help="this role only; may be repeated")
    diff = verb("diff", diff_, "Tell what another configuration lets whom do, and stop where access widens.")
    diff.add_argument("old", type=Path, metavar="OLD", help="a gateway.yaml, or a directory with one")
    diff.add_argument("new", type=Path, metavar="NEW", help="the other one")
    diff.add_argument("--format", choices=["text", "json"], default="text", help="how (default: text)")
    replay_options.add_options(
        verb(
            "replay", replay_, "Tell which requests of an access log another configuration decides otherwise."
        )
    )
    import_options.add_options(
        verb("import", import_, "Write policies from an OpenAPI document: a route for each operation.")
    )
    slo = configured(
        "slo", slo_, "Print Prometheus rules that keep watch over the objectives (`slo`) of routes."
    )
    slo.add_argument("--write", type=Path, metavar="FILE", help="write them into a file instead")
    explain_options.add_options(
        configured("explain", explain_, "Show each step that decides about one request.")
    )
    test = configured("test", test_, "Play the cases of policies/tests: is what becomes of each as expected?")
    test.add_argument("files", nargs="*", type=Path, metavar="FILE", help="files of cases (default: all)")
    test.add_argument("-k", dest="name", metavar="NAME", help="only cases with this in their name")
    test.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML for continuous integration")
    test.add_argument(
        "--coverage-min", type=float, metavar="PERCENT", help="fail where less is covered than this"
    )
    test.add_argument("--format", choices=["text", "json"], default="text", help="how (default: text)")
    audit = configured(
        "audit", audit_, "Tell what a sound configuration leaves open, and go through the lists of OWASP."
    )
    audit_options.add_options(audit)
    schema = verb("schema", schema_, "Print the JSON Schema of a configuration file, for editors.")
    schema.add_argument(
        "file",
        nargs="?",
        choices=["gateway", "policies", "cases", "waivers"],
        default="gateway",
        help="of which file",
    )
    schema.add_argument(
        "--write", action="store_true", help="write schemas and reference into the repository"
    )
    configured(
        "reload", reload_, "Have the running gateway take its configuration anew, whole or not at all."
    )
    configured("healthcheck", healthcheck_, "Ask a running gateway whether it is ready: exit 0 if so.")
    completion = verb("completion", completion_, "Print the script by which a shell completes commands.")
    completion.add_argument("shell", choices=["bash", "zsh", "fish"], help="which shell")
    verb("version", version_, "Print the version, and whether the data path is compiled.")
    return parser


def init_(options: argparse.Namespace) -> int:
    """`gateway init URL`."""
    from gateway.config.scaffold import scaffold

    try:
        files = scaffold(options.url)
    except ValueError as error:
        return _fail(f"{options.url}: {error}", USAGE)
    paths = {options.directory / name: text for name, text in files.items()}
    for path in paths:
        if path.exists():
            return _fail(f"{path} exists; nothing was written. Use --directory for another place.", FINDINGS)
    for path, text in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(path)
    config = next(iter(paths))
    print(f"\nNext: gateway check --config {config} && gateway run --config {config}")
    return OK


def run_(options: argparse.Namespace) -> int:
    """`gateway run`."""
    from gateway.config.compile import compile_snapshot
    from gateway.config.load import load, load_snapshot
    from gateway.config.offline import Offline
    from gateway.config.problem import ConfigError

    path = _config(options)
    try:
        specs = load(path, os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return FINDINGS
    if specs.gateway.workers != 1:
        from gateway.workers.supervisor import supervise

        return supervise(path, compile_snapshot(specs, Offline()))
    from gateway.app import run, serve
    from gateway.ports import LivePorts

    ports = LivePorts()
    snapshot = compile_snapshot(specs, ports)
    serving = serve(snapshot, ports, lambda candidate: load_snapshot(path, os.environ, candidate))
    run(serving, snapshot.telemetry.log)
    return OK


def check_(options: argparse.Namespace) -> int:
    """`gateway check`."""
    from gateway.config.load import load_snapshot
    from gateway.config.problem import ConfigError

    problems: list[dict[str, str | int]] = []
    try:
        snapshot = load_snapshot(_config(options), os.environ)
    except ConfigError as error:
        problems = error.records()
        report = str(error)
    else:
        counts = f"{_count(snapshot.routes, 'route')}, {_count(snapshot.upstreams, 'upstream')}"
        report = f"ok: {counts}, version {snapshot.version}"
    if options.format == "json":
        import json

        print(json.dumps({"problems": problems}, indent=2))
    else:
        print(report)
    return FINDINGS if problems else OK


def demo_(options: argparse.Namespace) -> int:
    """`gateway demo`."""
    from gateway.demo.run import alone, demo, parts

    if options.only is None:
        return demo(_config(options))
    if options.only not in parts():
        return _fail(f"expected one of {', '.join(parts())}, got {options.only!r}", USAGE)
    from gateway.config.values import listening

    try:
        address = listening(options.address)
    except ValueError as error:
        return _fail(f"--address: expected {error}", USAGE)
    return alone(options.only, address)


def token_(options: argparse.Namespace) -> int:
    """`gateway token`."""
    import time

    from gateway.demo.signing import running

    signing = running()
    if signing is None:
        return _fail("no demo is running: start `gateway demo`, whose issuer signs the tokens", FINDINGS)
    print(signing.token(options.subject, options.role, options.scope, time.time(), **dict(options.claim)))
    return OK


def api_key_(options: argparse.Namespace) -> int:
    """`gateway api-key`."""
    from gateway.config.fresh import key_entry
    from gateway.policy.api_key import fresh

    key, id, digest = fresh()
    more = {"roles": options.role, "scopes": options.scope, "tier": options.tier, "expires": options.expires}
    try:
        entry = key_entry(id, digest, options.principal, more)
    except ValueError as error:
        return _fail(str(error), USAGE)
    print(f"The key, which is shown this once and kept nowhere:\n\n{key}\n")
    print(f"Its entry in the file of `api_keys`, under `keys:`\n\n{entry}")
    return OK


def password_(options: argparse.Namespace) -> int:
    """`gateway password NAME`."""
    from getpass import getpass

    from gateway.config.fresh import user_entry
    from gateway.identity.passwords import hashed

    password = getpass() if sys.stdin.isatty() else sys.stdin.readline().removesuffix("\n")
    if not password:
        return _fail("expected a password on standard input", USAGE)
    try:
        entry = user_entry(options.name, hashed(password))
    except ValueError as error:
        return _fail(str(error), USAGE)
    print(entry)
    return OK


def routes_(options: argparse.Namespace) -> int:
    """`gateway routes`."""
    from gateway.config.problem import ConfigError
    from gateway.listing.run import list_routes

    try:
        return list_routes(options, _config(options), os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return FINDINGS
    except ValueError as error:
        return _fail(str(error), USAGE)


def matrix_(options: argparse.Namespace) -> int:
    """`gateway matrix`."""
    from gateway.config.problem import ConfigError
    from gateway.matrix.run import show_matrix

    try:
        show_matrix(options, _config(options), os.environ)
    except (ConfigError, ValueError) as error:
        return _fail(str(error), USAGE)
    return OK


def diff_(options: argparse.Namespace) -> int:
    """`gateway diff OLD NEW`."""
    from gateway.config.problem import ConfigError
    from gateway.diff.run import diff

    try:
        return diff(options, os.environ)
    except (ConfigError, OSError) as error:
        # 1 is the answer "access widens": who could not be compared has not widened.
        return _fail(str(error), USAGE)


def replay_(options: argparse.Namespace) -> int:
    """`gateway replay OLD NEW --log FILE`."""
    from gateway.config.problem import ConfigError
    from gateway.replay.run import replay

    try:
        return replay(options, os.environ)
    except (ConfigError, ValueError, OSError) as error:
        # 1 is the answer "decided differently": what could not be replayed has no answer.
        return _fail(str(error), USAGE)


def import_(options: argparse.Namespace) -> int:
    """`gateway import openapi FILE`."""
    from gateway.imports.run import DocumentError, imported

    try:
        return imported(options)
    except DocumentError as error:
        print(error, file=sys.stderr)
        return FINDINGS
    except ValueError as error:
        return _fail(str(error), USAGE)


def slo_(options: argparse.Namespace) -> int:
    """`gateway slo`."""
    snapshot = _snapshot(options)
    if snapshot is None:
        return FINDINGS
    if not snapshot.slos:
        return _fail("no route has an `slo`, its own or by default", FINDINGS)
    from gateway.slo import rules

    text = rules(snapshot.slos)
    if options.write is None:
        print(text, end="")
        return OK
    options.write.write_text(text)
    print(options.write)
    return OK


def explain_(options: argparse.Namespace) -> int:
    """`gateway explain METHOD URL`, or `--request-id ID`."""
    from gateway.config.problem import ConfigError
    from gateway.explain.run import explain, show
    from gateway.running import UnansweredError, explanation

    try:
        if options.request_id is None:
            return explain(options, _config(options), os.environ)
        return show(options, _config(options), os.environ, explanation)
    except (ConfigError, UnansweredError, ValueError, OSError) as error:
        # 1 is the answer "refused": who could not be asked has not refused.
        return _fail(str(error), USAGE)


def test_(options: argparse.Namespace) -> int:
    """`gateway test`."""
    from gateway.cases.run import test
    from gateway.config.problem import ConfigError

    try:
        return test(options, _config(options), os.environ)
    except (ConfigError, ValueError) as error:
        # 1 is the answer "not as expected": what could not be played has not been answered.
        return _fail(str(error), USAGE)


def audit_(options: argparse.Namespace) -> int:
    """`gateway audit`."""
    from gateway.audit.run import run
    from gateway.config.problem import ConfigError

    try:
        return run(options, _config(options), os.environ)
    except ConfigError as error:
        # 1 is the answer "findings": what could not be read has none yet.
        return _fail(str(error), USAGE)


def schema_(options: argparse.Namespace) -> int:
    """`gateway schema`."""
    from gateway.config.reference import generated, json_schema

    if not options.write:
        print(json_schema(options.file), end="")
        return OK
    from gateway.commands import commands

    for name, text in {**generated(), "docs/commands.md": commands(parser())}.items():
        Path(name).write_text(text)
        print(name)
    return OK


def reload_(options: argparse.Namespace) -> int:
    """`gateway reload`."""
    snapshot = _snapshot(options)
    if snapshot is None:
        return FINDINGS
    from gateway.running import UnansweredError, reload

    try:
        version = reload(snapshot.admin.address, snapshot.admin.token)
    except UnansweredError as error:
        return _fail(str(error), FINDINGS)
    print(f"configuration {version} serves")
    return OK


def healthcheck_(options: argparse.Namespace) -> int:
    """`gateway healthcheck`."""
    from gateway.config.admin import admin_address
    from gateway.running import readiness

    address = admin_address(_config(options), os.environ)
    if address is None:
        # Why, only a reader of all of it can tell.
        snapshot = _snapshot(options)
        if snapshot is None:
            return FINDINGS
        address = snapshot.admin.address
    problem = readiness(address)
    if problem is not None:
        return _fail(problem, FINDINGS)
    print("ready")
    return OK


def completion_(options: argparse.Namespace) -> int:
    """`gateway completion SHELL`."""
    from gateway.completion import script

    print(script(parser(), options.shell), end="")
    return OK


def version_(options: argparse.Namespace) -> int:
    """`gateway version`."""
    print(f"{__version__} ({build()})")
    return OK


def _config(options: argparse.Namespace) -> Path:
    given: Path | None = options.config
    return given or Path(os.environ.get("GATEWAY_CONFIG") or "config/gateway.yaml")


def _snapshot(options: argparse.Namespace, ports: "Ports | None" = None) -> "Snapshot | None":
    """The compiled configuration; None once its problems are reported."""
    from gateway.config.load import load_snapshot
    from gateway.config.problem import ConfigError

    try:
        return load_snapshot(_config(options), os.environ, ports)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return None


def _claim(text: str) -> tuple[str, object]:
    """The name and the value of `NAME=VALUE`."""
    import json

    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _fail(text: str, status: int) -> int:
    print(f"gateway: {text}", file=sys.stderr)
    return status
