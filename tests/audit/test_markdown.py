"""The report for a repository, and that of this one."""

from pathlib import Path

import pytest

from gateway.audit.markdown import markdown
from gateway.audit.run import audited

ROOT = Path(__file__).parents[2]
NOW = 1767225600.0
ROLE = ('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["*"]}')
POST = ("methods: [GET]", "methods: [POST]")
TRIAL = ("    upstream: pay\n", "    upstream: pay\n    report: [allow]\n")
REASON = r'"It is |\n meant so."'
WAIVER = f"waivers: [{{rule: AZ103, place: roles, reason: {REASON}, expires: '2026-07-01T00:00:00Z'}}]"


@pytest.fixture
def lines(report, tmp_path):
    return lambda *changes, **more: (
        markdown(report(*changes, **more)).replace(f"{tmp_path}/", "").splitlines()
    )


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        pytest.param([], "None.", id="no finding"),
        pytest.param(
            [ROLE],
            "- policies/shop.yaml:5: the role clerk has every permission, also those to come",
            id="one",
        ),
        pytest.param(
            [ROLE],
            "| API5:2023 | Broken Function Level Authorization | fail | [AZ103](#findings): 1<br>"
            "`allow` on 1 route<br>`auth` on 1 route | "
            "Another method than those of a route is answered 405. |",
            id="a line that fails",
        ),
        pytest.param(
            [],
            "| A10:2021 | Server-Side Request Forgery (in A01:2025) | partly | gateway.yaml: `upstreams` 3 | "
            "Requests go to the endpoints that the configuration lists, whatever they say. "
            "URLs that a service takes from a request and fetches itself. |",
            id="a line with places",
        ),
        pytest.param(
            [],
            "| `pay` | gateway.yaml:6 | policies/shop.yaml:10 | gateway.yaml:6 | gateway.yaml:1 |  | "
            "gateway.yaml:6 |  | gateway.yaml:6 |",
            id="a route",
        ),
        pytest.param(
            [TRIAL],
            "| `pay` | gateway.yaml:6 | *policies/shop.yaml:11* | gateway.yaml:6 | gateway.yaml:1 |  | "
            "gateway.yaml:6 |  | gateway.yaml:6 |",
            id="a policy on trial",
        ),
    ],
)
def test_a_report_has_its_rows(lines, changes, row):
    assert row in lines(*changes)


def test_a_waiver_is_told_with_its_reason_and_its_end(lines):
    assert (
        "| AZ103 | policies/shop.yaml:5 | the role clerk has every permission, also those to come | "
        "It is \\| meant so. (waivers.yaml:1) | 2026-07-01 |"
    ) in lines(ROLE, waivers=WAIVER)


def test_every_row_has_the_cells_of_its_head(lines):
    width = 0
    for line in lines(ROLE, POST, waivers=WAIVER):
        if line.startswith("| ---"):
            width = line.count("|")
        elif line.startswith("|") and width:
            assert width == line.replace("\\|", "").count("|")
        else:
            width = 0


def test_that_of_this_repository_is_in_step(monkeypatch):
    """Where this fails, `make generated` writes the file anew."""
    monkeypatch.chdir(ROOT)
    report = audited(None, Path("config/gateway.yaml"), {}, NOW)
    assert (ROOT / "docs" / "security-checklist.md").read_text() == markdown(report)
    assert report.is_clean("warning")
