"""The demo: ten toy services and an issuer on free ports, and the gateway on a configuration before them.

Each of its parts can also run alone at a given address, as containers want it.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.app import run, serve
from gateway.config.load import load_snapshot
from gateway.config.problem import ConfigError
from gateway.config.snapshot import Address, Snapshot
from gateway.demo.examples import examples, tokens
from gateway.demo.issuer import issuer
from gateway.demo.services import SERVICES, environment, service, services
from gateway.policy.ports import Ports
from gateway.ports import LivePorts
from gateway.telemetry.application_log import application_log, standard_error

ISSUER = "azora-id"

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def demo(config: Path) -> int:
    """Serve until Ctrl-C; returns the exit status."""
    return _status(_demo(config))


def alone(part: str, address: Address) -> int:
    """Serve one part, a service or the issuer, until SIGTERM or Ctrl-C; returns the exit status."""
    return _status(_alone(part, address))


def parts() -> tuple[str, ...]:
    """What can run alone: the ten services, and the issuer."""
    return (*SERVICES, ISSUER)


def _status(serving: Coroutine[None, None, None]) -> int:
    try:
        run(serving)
    except ConfigError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"gateway: {error.strerror or error}", file=sys.stderr)
    else:
        return 0
    return 1


async def _demo(config: Path) -> None:
    with TemporaryDirectory(prefix="azora-log-") as folder:
        async with services() as running, issuer() as signing:
            ports = LivePorts()
            environ = {**os.environ, **environment(running), "AZORA_ISSUER": signing.issuer}

            def load(ports: Ports) -> Snapshot:
                return _logging_to(Path(folder), load_snapshot(config, environ, ports))

            snapshot = load(ports)
            application_log(snapshot.telemetry.log, standard_error())
            await serve(snapshot, ports, load, ready=lambda address: _welcome(snapshot, address))


def _logging_to(folder: Path, snapshot: Snapshot) -> Snapshot:
    """The same, with its access log in this folder and not between what is shown."""
    telemetry = snapshot.telemetry
    access_log = telemetry.access_log
    if access_log.path or access_log.format == "none":
        return snapshot
    access_log = replace(access_log, path=str(folder / "access.log"))
    return replace(snapshot, telemetry=replace(telemetry, access_log=access_log))


async def _alone(part: str, address: Address) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        if part == ISSUER:
            url = (await stack.enter_async_context(issuer(address.port, address.host))).issuer
        else:
            url = await stack.enter_async_context(service(part, address))
        print(f"{part} answers at {url}", flush=True)
        await stopping.wait()


def _welcome(snapshot: Snapshot, address: Address) -> None:
    base = f"http://{_reachable(address)}"
    print(f"\nTen services answer through the gateway at {base}. What to try:\n")
    print("  # Tokens for what follows, of a teacher and of a bookkeeper, good for an hour")
    print("".join(f"  {command}\n" for command in tokens(_program())))
    for what, command in examples(base):
        print(f"  # {what}\n  {command}\n")
    admin = Address(
        _ANY.get(snapshot.admin.address.host, snapshot.admin.address.host), snapshot.admin.address.port
    )
    print(f"  # The console, a page that shows what the gateway does: http://{admin}/\n")
    print(f"  # What the gateway knows\n  curl http://{admin}/routes\n  curl http://{admin}/upstreams\n")
    print(f"  # What it decided about the last requests\n  curl 'http://{admin}/decisions?limit=3'\n")
    log = snapshot.telemetry.access_log.path
    if log:
        print(f"  # Its access log, a line a request, for as long as the demo runs\n  tail {log}\n")
    print("Ctrl-C stops it.", flush=True)


def _program() -> str:
    """The gateway command as a shell here can call it."""
    if shutil.which("gateway"):
        return "gateway"
    beside = Path(sys.executable).parent / "gateway"
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)


def _reachable(address: Address) -> Address:
    return Address(_ANY.get(address.host, address.host), address.port)
