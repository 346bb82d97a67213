import pytest

POST = ("methods: [GET]", "methods: [POST]")
ROLE = ('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["*"]}')
LISTENER = ('{address: "127.0.0.1:8080"}', '{address: "0.0.0.0:8080"}')


def test_the_worst_stands_first(report):
    made = report(POST, ROLE, LISTENER)
    assert ["error", "warning", "note"] == [finding.rule.severity for finding in made.findings]
    assert (1, 1, 1) == (made.count("error"), made.count("warning"), made.count("note"))


@pytest.mark.parametrize(
    ("change", "clean"),
    [
        pytest.param(LISTENER, [], id="an error"),
        pytest.param(ROLE, ["error"], id="a warning"),
        pytest.param(POST, ["error", "warning"], id="a note"),
    ],
)
def test_a_report_is_clean_up_to_a_level(report, change, clean):
    made = report(change)
    assert clean == [level for level in ("error", "warning", "note") if made.is_clean(level)]
