"""`GET /config`: the configuration that serves, with `***` wherever a secret could stand, and what was wrong
with the last one that was given.

It is told from what was loaded, not from the files, which may say something else by now.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, final

import orjson
from aiohttp import web

from gateway.admin.answers import refusal, written
from gateway.config.masked import masked_gateway, masked_policies
from gateway.config.snapshot import Snapshot
from gateway.proxy import Proxy

# Answers that are made or written at a time: each may be as large as all files together.
_AT_MOST: Final = 2


@final
class Configuration:
    """Answers for the snapshot by which the proxy serves."""

    def __init__(self, proxy: Proxy, problems: Callable[[], Sequence[str]]) -> None:
        self._proxy = proxy
        self._problems = problems
        self._asked = 0

    async def tell(self, request: web.Request) -> web.StreamResponse:
        """`GET /config`."""
        if self._asked >= _AT_MOST:
            return refusal(503, "Too many ask for this at a time.")
        self._asked += 1
        try:
            text = await asyncio.to_thread(_text, self._proxy.snapshot, self._problems())
            return await written(request, text, "application/json")
        finally:
            self._asked -= 1


def configuration(snapshot: Snapshot) -> dict[str, Any]:
    """The version, when it was loaded, and each file of YAML with what it says and what holds by default.

    Files that hold credentials or are only named, such as those of keys and certificates, are counted.
    """
    specs = snapshot.specs
    gateway = {"file": specs.tree.file, "says": masked_gateway(specs.tree.data)}
    policies = [{"file": tree.file, "says": masked_policies(tree.data)} for tree in specs.policies]
    documents = [gateway, *policies]
    return {
        "version": snapshot.version,
        "loaded": datetime.fromtimestamp(snapshot.made, UTC).isoformat(timespec="seconds"),
        "documents": documents,
        "other_files": len(snapshot.files) - len(documents),
    }


def _text(snapshot: Snapshot, problems: Sequence[str]) -> bytes:
    told = configuration(snapshot) | {"problems": list(problems)}
    return orjson.dumps(told, option=orjson.OPT_INDENT_2)
