"""The demo: ten toy services on free ports, and the gateway on the given configuration in front of them."""

import os
import sys
from pathlib import Path

from gateway.app import run, serve
from gateway.config.load import load_snapshot
from gateway.config.problem import ConfigError
from gateway.config.snapshot import Address, Snapshot
from gateway.demo.examples import examples
from gateway.demo.services import environment, services
from gateway.ports import LivePorts

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def demo(config: Path) -> int:
    """Serve until Ctrl-C; returns the exit status."""
    try:
        run(_demo(config))
    except ConfigError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"gateway: {error.strerror or error}", file=sys.stderr)
    else:
        return 0
    return 1


async def _demo(config: Path) -> None:
    async with services() as running:
        ports = LivePorts()
        snapshot = load_snapshot(config, {**os.environ, **environment(running)}, ports)
        await serve(snapshot, ports, ready=lambda address: _welcome(snapshot, address))


def _welcome(snapshot: Snapshot, address: Address) -> None:
    base = f"http://{_reachable(address)}"
    print(f"\nTen services answer through the gateway at {base}. What to try:\n")
    for what, command in examples(base):
        print(f"  # {what}\n  {command}\n")
    admin = Address(
        _ANY.get(snapshot.admin.address.host, snapshot.admin.address.host), snapshot.admin.address.port
    )
    print(f"  # What the gateway knows\n  curl http://{admin}/routes\n  curl http://{admin}/upstreams\n")
    print("Ctrl-C stops it.", flush=True)


def _reachable(address: Address) -> Address:
    return Address(_ANY.get(address.host, address.host), address.port)
