"""The lists of risks, and the lines that are shown for them."""

import pytest

from gateway.audit.risks import API_TOP_10, RISKS, TOP_10, joined, keys, places, policies, routes
from gateway.audit.rules import RULES
from gateway.audit.survey import Survey


def test_both_lists_are_whole():
    """The ten of each, and the one that came in 2025."""
    of = {
        standard: [risk.id for risk in RISKS if risk.standard == standard]
        for standard in (TOP_10, API_TOP_10)
    }
    assert [f"A{number:02}:2021" for number in range(1, 11)] + ["A10:2025"] == of[TOP_10]
    assert [f"API{number}:2023" for number in range(1, 11)] == of[API_TOP_10]


def test_every_category_of_2025_is_named():
    told = " ".join(f"{risk.id} {risk.title}" for risk in RISKS)
    assert [] == [number for number in range(1, 11) if f"A{number:02}:2025" not in told]


def test_every_rule_that_a_line_names_exists():
    known = {rule.id for rule in RULES}
    assert known.issuperset(id for risk in RISKS for id in risk.rules)


def test_every_rule_but_notes_belongs_to_a_line():
    named = {id for risk in RISKS for id in risk.rules}
    assert [] == [rule.id for rule in RULES if rule.severity != "note" and rule.id not in named]


@pytest.mark.parametrize(
    ("proofs", "expected"),
    [
        pytest.param(
            keys("auth", "allow", "cors"),
            [("pay", "auth", "gateway.yaml:6"), ("pay", "allow", "policies/shop.yaml:10")],
            id="keys that somebody says",
        ),
        pytest.param(
            policies("csrf", "cors"), [("pay", "csrf", "gateway.yaml:6")], id="a policy that nobody says"
        ),
        pytest.param(
            places("upstreams", "issuers", "defaults", "timeouts"),
            [
                ("upstreams.pay", "upstreams", "gateway.yaml:3"),
                ("issuers.id", "issuers", "gateway.yaml:4"),
                ("defaults", "defaults", "gateway.yaml:6"),
            ],
            id="what stands by name, a section, and none",
        ),
        pytest.param(places("listeners"), [("listeners[0]", "listeners", "gateway.yaml:2")], id="a list"),
        pytest.param(
            joined(routes, places("listeners")),
            [("pay", "route", "policies/shop.yaml:7"), ("listeners[0]", "listeners", "gateway.yaml:2")],
            id="several",
        ),
    ],
)
def test_proofs_are_lines(specs, tmp_path, proofs, expected):
    found = proofs(Survey(specs(), 0.0))
    assert expected == [
        (proof.subject, proof.what, proof.source.replace(f"{tmp_path}/", "")) for proof in found
    ]
