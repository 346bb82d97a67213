"""The verb: files and a question in, an explanation out; or the id of a request that is over."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.config.load import load
from gateway.config.snapshot import Address
from gateway.explain.question import question
from gateway.explain.record import record
from gateway.explain.remembered import passes, remembered_text
from gateway.explain.report import report
from gateway.explain.text import Ink, text
from gateway.rehearsal import RehearsalPorts, Stage

PASSES, REFUSED = 0, 1


def explain(said: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> int:
    """Print the explanation; 0 if the request passes or is answered, else 1.

    Raises ConfigError for the files, ValueError and OSError for the question.
    """
    # The time is that of the question: a token that is shown has to be valid now.
    stage = Stage(load(path, environ), RehearsalPorts(time.time()))
    told = report(stage, question(said, stage.snapshot.listeners))
    if said.format == "json":
        print(json.dumps(record(told), indent=2, ensure_ascii=False))
    else:
        print(text(told, Ink(_shows_colours())), end="")
    return PASSES if told.is_passing else REFUSED


def show(
    said: argparse.Namespace,
    path: Path,
    environ: Mapping[str, str],
    ask: Callable[[Address, str, str], dict[str, Any]],
) -> int:
    """Print what a running gateway remembers of a request; 0 if it passed or was answered, else 1.

    `ask` is given the admin listener, its token and the id of the request. Raises ConfigError for the files,
    ValueError where more is asked or an answer makes no sense, and whatever `ask` raises.
    """
    if _asks_more(said):
        raise ValueError("expected --request-id alone, with --config and --format")
    admin = load(path, environ).gateway.admin
    told = ask(admin.address, admin.token or "", said.request_id)
    try:
        text = remembered_text(told, Ink(_shows_colours()))
    except (LookupError, TypeError, AttributeError):
        raise ValueError(f"what answers at {admin.address} does not explain requests") from None
    print(json.dumps(told, indent=2, ensure_ascii=False) + "\n" if said.format == "json" else text, end="")
    return PASSES if passes(told) else REFUSED


def _asks_more(said: argparse.Namespace) -> bool:
    others = (said.method, said.curl, said.har, said.body, said.client, said.listener, said.subject)
    return any(others) or any(
        (said.header, said.scope, said.claim, said.tier, said.method_of_auth, said.token)
    )


def _shows_colours() -> bool:
    # https://no-color.org: "when present and not an empty string".
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
