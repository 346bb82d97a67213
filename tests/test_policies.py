"""The repository's own policies do what the tables of `policies/tests` say, and these leave nothing out."""

from pathlib import Path

import pytest

from gateway.cases.case import cases
from gateway.cases.run import played
from gateway.cases.text import explained
from gateway.config.cases import find_cases, read_cases
from gateway.config.load import load
from gateway.rehearsal import RehearsalPorts, Stage

CONFIG = Path(__file__).parents[1] / "config" / "gateway.yaml"
SERVICES = {
    *("ai-family-service", "api-gateway", "auth-service", "azora-assessment", "azora-education"),
    *("azora-forge", "azora-mint", "azora-pay", "azora-sapiens", "health-monitor"),
}


@pytest.fixture(scope="module")
def played_all():
    specs = load(CONFIG, {})
    stage = Stage(specs, RehearsalPorts(0.0))
    files = read_cases(find_cases(CONFIG, specs), {}, specs)
    return files, *played(stage, [case for file in files for case in cases(file)])


def test_every_case_holds(played_all):
    _, results, _ = played_all
    failures = [(result.case.name, *explained(result.failure)) for result in results if result.failure]
    assert [] == failures
    assert 150 <= len(results)


def test_every_route_rule_and_tier_is_covered(played_all):
    _, _, coverage = played_all
    assert [] == coverage.missing


def test_every_service_has_a_table(played_all):
    files, _, _ = played_all
    assert SERVICES <= {Path(file.tree.file).stem for file in files}
