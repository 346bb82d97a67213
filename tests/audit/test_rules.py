"""All rules together."""

import re
from pathlib import Path

from gateway.audit.finding import SEVERITIES
from gateway.audit.rules import EVERY, RULES, findings
from gateway.audit.survey import Survey

TESTS = Path(__file__).parent


def test_the_configuration_that_the_tests_begin_with_breaks_none(specs):
    assert () == findings(Survey(specs(), 0.0))


def test_ids_are_unique_and_in_order():
    ids = [rule.id for rule in EVERY]
    assert sorted({*ids}) == ids
    assert all(re.fullmatch("AZ[1-7][0-9]{2}", id) for id in ids)


def test_each_says_what_it_is_and_what_to_do():
    for rule in EVERY:
        assert rule.severity in SEVERITIES
        assert rule.fix.endswith(".")
        assert not rule.title.endswith(".")


def test_each_is_shown_broken_and_kept():
    """In the tables beside this file, or where certificates are made."""
    told = "".join(path.read_text() for path in TESTS.glob("test_*.py"))
    assert [] == [rule.id for rule in RULES if told.count(f'"{rule.id}"') < 2 and rule.id not in ONCE]


def test_the_guide_has_a_row_for_each():
    guide = (TESTS.parents[1] / "docs" / "audit.md").read_text()
    rows = [f"| {rule.id} | {rule.severity} | {rule.title} | {rule.fix} |" for rule in EVERY]
    assert "\n".join(rows) in guide, "\n".join(rows)


# A table of moments, or of certificates, shows both.
ONCE = ("AZ405", "AZ406", "AZ407")
