"""The report for programs."""

import json

from gateway.audit.record import record

ROLE = ('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["*"]}')
POST = ("methods: [GET]", "methods: [POST]")
WAIVER = "waivers: [{rule: AZ103, place: roles, reason: It is meant so., expires: '2026-07-01T00:00:00Z'}]"


def test_members(report, tmp_path):
    made = json.loads(json.dumps(record(report(ROLE, POST, waivers=WAIVER))).replace(f"{tmp_path}/", ""))
    assert {"counts", "findings", "waived", "checklist", "config_version"} == made.keys()
    assert {"error": 0, "warning": 0, "note": 1} == made["counts"]
    (finding,), (waived,) = made["findings"], made["waived"]
    assert {
        "rule": "AZ206",
        "severity": "note",
        "title": "Bodies that nobody looks at",
        "message": "pay passes bodies on as they come",
        "fix": (
            "Say in `validate` what a body has to look like: media types, a JSON Schema or an OpenAPI "
            "document."
        ),
        "route": "pay",
        "place": None,
        "source": "policies/shop.yaml:7",
    } == finding
    assert (None, "roles.clerk.permissions", "It is meant so.", "2026-07-01", "waivers.yaml:1") == (
        *(waived["route"], waived["place"], waived["reason"], waived["expires"], waived["waiver"]),
    )


def test_each_line_has_its_proofs(report, tmp_path):
    made = json.loads(json.dumps(record(report(ROLE))).replace(f"{tmp_path}/", ""))
    (line,) = [line for line in made["checklist"] if line["id"] == "API5:2023"]
    assert {"route": "pay", "place": None, "key": "allow", "source": "policies/shop.yaml:10"} in line[
        "proofs"
    ]
    assert ("fail", ["AZ103"], []) == (
        line["verdict"],
        [failure["rule"] for failure in line["failures"]],
        line["waived"],
    )
