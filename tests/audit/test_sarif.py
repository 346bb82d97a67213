"""The report as SARIF 2.1.0: what the standard asks of the members that are there."""

import pytest

from gateway.audit.rules import EVERY
from gateway.audit.sarif import sarif

ROLE = ('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["*"]}')
POST = ("methods: [GET]", "methods: [POST]")
LISTENER = ('{address: "127.0.0.1:8080"}', '{address: "0.0.0.0:8080"}')
WAIVER = "waivers: [{rule: AZ103, place: roles, reason: It is meant so., expires: '2026-07-01T00:00:00Z'}]"


@pytest.fixture
def run(report):
    """The one run of a log."""

    def made(*changes, **more):
        log = sarif(report(*changes, **more))
        assert ("2.1.0", {"$schema", "version", "runs"}) == (log["version"], {*log})
        assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
        (run,) = log["runs"]
        return run

    return made


def test_a_run_lists_every_rule_once(run):
    driver = run()["tool"]["driver"]
    assert [rule.id for rule in EVERY] == [rule["id"] for rule in driver["rules"]]
    for rule in driver["rules"]:
        # 3.49.6 and 3.50.3.
        assert {"id", "shortDescription", "help", "defaultConfiguration"} == {*rule}
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
        assert all(rule[key]["text"] for key in ("shortDescription", "help"))


def test_results_point_at_rules_and_lines(run, tmp_path):
    made = run(ROLE, POST, LISTENER, waivers=WAIVER)
    rules = made["tool"]["driver"]["rules"]
    for result in made["results"]:
        # 3.27.6: the index is that of the rule with the id.
        assert result["ruleId"] == rules[result["ruleIndex"]]["id"]
        assert result["level"] == rules[result["ruleIndex"]]["defaultConfiguration"]["level"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"]["uri"].startswith(str(tmp_path))
        # 3.30.5: lines count from 1.
        assert physical["region"]["startLine"] > 0
        assert result["message"]["text"].endswith(".")
    assert ["AZ401", "AZ206", "AZ103"] == [result["ruleId"] for result in made["results"]]


def test_what_is_waived_is_suppressed(run, tmp_path):
    *others, waived = run(ROLE, POST, waivers=WAIVER)["results"]
    (suppression,) = waived["suppressions"]
    # 3.35.2 and 3.35.3.
    assert ("external", "accepted") == (suppression["kind"], suppression["status"])
    assert f"It is meant so. (until 2026-07-01, {tmp_path}/waivers.yaml:1)" == suppression["justification"]
    assert not any("suppressions" in other for other in others)


def test_a_finding_stays_the_same_when_lines_move(run):
    """3.27.17: what is told again is recognised by its fingerprint."""
    (one,) = run(ROLE)["results"]
    (other,) = run(ROLE, ("tiers:\n", "\n\ntiers:\n"))["results"]
    assert one["partialFingerprints"] == other["partialFingerprints"]
    assert one["locations"] != other["locations"]
