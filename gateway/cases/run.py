"""The verb: files of cases in, a report and an exit status out."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.cases.case import Case, cases
from gateway.cases.coverage import Coverage
from gateway.cases.junit import junit
from gateway.cases.play import Result, play
from gateway.cases.record import record
from gateway.cases.text import text
from gateway.config.cases import find_cases, read_cases
from gateway.config.load import load
from gateway.progress import counted
from gateway.rehearsal import RehearsalPorts, Stage

PASSED, FAILED = 0, 1


def test(said: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> int:
    """Play the cases and print what became of them; 0 if all is as expected and enough is covered, else 1.

    Raises ConfigError for the files, ValueError for cases that cannot be played.
    """
    stage = Stage(load(path, environ), RehearsalPorts(0.0))
    files = said.files or find_cases(path, stage.specs)
    read = read_cases(files, environ, stage.specs)
    chosen = [case for file in read for case in cases(file) if _is_meant(said, case)]
    if not chosen:
        raise ValueError("expected at least one case: none was found")
    results, coverage = played(stage, chosen)
    if said.junit is not None:
        said.junit.write_bytes(junit(results))
    if said.format == "json":
        print(json.dumps(record(results, coverage), indent=2, ensure_ascii=False))
    else:
        print(text(results, coverage, said.coverage_min), end="")
    is_enough = said.coverage_min is None or coverage.percent >= said.coverage_min
    return PASSED if is_enough and all(result.failure is None for result in results) else FAILED


def played(stage: Stage, chosen: Sequence[Case]) -> tuple[list[Result], Coverage]:
    """What became of each case, and what all of them have shown. Raises ValueError, which names the case."""
    coverage = Coverage(stage)
    results = []
    for case in counted(chosen, len(chosen), "cases"):
        try:
            result = play(stage, case)
        except ValueError as error:
            raise ValueError(f"{case.source}: {error}") from None
        coverage.add(result.outcomes)
        results.append(result)
    return results, coverage


def _is_meant(said: argparse.Namespace, case: Case) -> bool:
    return said.name is None or said.name.lower() in case.name.lower()
