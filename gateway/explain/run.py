"""The verb: files and a question in, an explanation out."""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.config.load import load
from gateway.explain.question import question
from gateway.explain.record import record
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


def _shows_colours() -> bool:
    # https://no-color.org: "when present and not an empty string".
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
