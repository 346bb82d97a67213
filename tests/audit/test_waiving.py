"""Waivers: which findings each excuses, and when it is one itself."""

import pytest

WAIVER = "  - {{rule: {}, {}, reason: It is meant to be so., expires: '{}'}}\n"
LATER, PAST, NOW = "2026-06-01T00:00:01Z", "2026-05-31T00:00:00Z", "2026-06-01T00:00:00Z"
POST = ("methods: [GET]", "methods: [POST]")
OPEN = ('    allow: {permissions: ["payments:read"]}\n', "    auth: public\n")
# What an open POST leaves behind: a body that nobody looks at, and a role that nobody asks for.
REST = ["AZ206", "AZ602"]
ROLE = ('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["*"]}')
LISTENERS = ('{address: "127.0.0.1:8080"}', '{address: "0.0.0.0:8080"}, {address: "0.0.0.0:8081"}')


def waivers(*said):
    """A file of waivers from rules, what each excuses, and when it ends."""
    return "waivers:\n" + "".join(WAIVER.format(*one) for one in said)


@pytest.mark.parametrize(
    ("changes", "said", "standing", "excused"),
    [
        pytest.param([POST, OPEN], [("AZ101", "route: pay", LATER)], REST, ["AZ101"], id="a route"),
        pytest.param(
            [ROLE], [("AZ103", "place: roles.clerk.permissions", LATER)], [], ["AZ103"], id="a place"
        ),
        pytest.param(
            [ROLE], [("AZ103", "place: roles.clerk", LATER)], [], ["AZ103"], id="what is in a place"
        ),
        pytest.param(
            [LISTENERS],
            [("AZ401", "place: 'listeners[1]'", LATER)],
            ["AZ401"],
            ["AZ401"],
            id="one of two places",
        ),
        pytest.param(
            [LISTENERS], [("AZ401", "place: listeners", LATER)], [], ["AZ401", "AZ401"], id="all of a section"
        ),
        pytest.param(
            [ROLE],
            [("AZ103", "place: roles.cler", LATER)],
            ["AZ103", "AZ702"],
            [],
            id="no place that only begins so",
        ),
        pytest.param(
            [POST, OPEN],
            [("AZ101", "place: pay", LATER)],
            ["AZ101", "AZ702", *REST],
            [],
            id="a route is no place",
        ),
        pytest.param(
            [POST, OPEN], [("AZ102", "route: pay", LATER)], ["AZ101", "AZ702", *REST], [], id="another rule"
        ),
        pytest.param(
            [ROLE], [("AZ103", "place: roles.clerk", NOW)], ["AZ701", "AZ103"], [], id="it ends at its moment"
        ),
        pytest.param(
            [ROLE], [("AZ103", "place: roles.clerk", PAST)], ["AZ701", "AZ103"], [], id="it is past"
        ),
        pytest.param([], [("AZ103", "place: roles.clerk", PAST)], ["AZ702"], [], id="for nothing, and past"),
        pytest.param([], [("AZ103", "place: roles.clerk", LATER)], ["AZ702"], [], id="for nothing"),
    ],
)
def test_a_waiver_excuses_what_it_names(report, changes, said, standing, excused):
    made = report(*changes, waivers=waivers(*said))
    assert sorted(standing) == sorted(finding.rule.id for finding in made.findings)
    assert excused == [each.finding.rule.id for each in made.waived]


def test_a_waiver_that_is_a_finding_has_its_line(report, tmp_path):
    made = report(waivers=waivers(("AZ103", "place: a", LATER), ("AZ101", "route: pay", LATER)))
    assert [
        ("waivers[0]", f"{tmp_path}/waivers.yaml:2", "there is no AZ103 of a"),
        ("waivers[1]", f"{tmp_path}/waivers.yaml:3", "there is no AZ101 of pay"),
    ] == [(finding.spot.subject, finding.spot.source, finding.spot.message) for finding in made.findings]
