"""The verb: a configuration and its waivers in, a report and an exit status out."""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.audit.markdown import markdown
from gateway.audit.record import record
from gateway.audit.report import Report, audit
from gateway.audit.rules import RULES
from gateway.audit.sarif import sarif
from gateway.audit.text import text
from gateway.config.load import load
from gateway.config.waivers import find_waivers, read_waivers

CLEAN, FINDINGS = 0, 1


def run(said: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> int:
    """Print the report; 0 if nothing as bad as `--fail-on` stands, else 1.

    Raises ConfigError for the files.
    """
    report = audited(said.waivers, path, environ, time.time())
    print(_written(report, said.format), end="")
    return CLEAN if report.is_clean(said.fail_on) else FINDINGS


def audited(waivers: Path | None, path: Path, environ: Mapping[str, str], now: float) -> Report:
    """The report on the configuration at `path`, with a file of waivers or those beside its policies.

    Raises ConfigError with every problem of the configuration, or of the waivers.
    """
    specs = load(path, environ)
    files = [waivers] if waivers is not None else find_waivers(path, specs)
    return audit(specs, read_waivers(files, environ, specs, [rule.id for rule in RULES]), now)


def _written(report: Report, form: str) -> str:
    match form:
        case "markdown":
            return markdown(report)
        case "json":
            return json.dumps(record(report), indent=2, ensure_ascii=False) + "\n"
        case "sarif":
            return json.dumps(sarif(report), indent=2, ensure_ascii=False) + "\n"
    return text(report)
