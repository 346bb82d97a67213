"""What a line of a list comes to."""

import pytest

ROLE = ('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["*"]}')
POST = ("methods: [GET]", "methods: [POST]")
OPEN = ('    allow: {permissions: ["payments:read"]}\n', "    auth: public\n")
ISSUERS = (
    'issuers: {id: {issuer: "https://id.example", jwks: "https://id.example/keys", audience: [api]}}\n',
    "",
)
NOBODY = ("auth: id}", "auth: public}")
TRUSTED = ('{address: "127.0.0.1:8080"}', '{address: "127.0.0.1:8080", trusted_proxies: [10.0.0.0/8]}')
NO_HSTS = ("headers: api", "headers: {preset: api, remove: [Strict-Transport-Security]}")
HELMET = ("headers: api", "headers: helmet")
WAIVERS = "waivers: [{{rule: {}, {}, reason: It is meant to be so., expires: '2026-07-01T00:00:00Z'}}]"


def line(report, id):
    (found,) = [line for line in report.lines if line.id == id]
    return found


@pytest.mark.parametrize(
    ("id", "changes", "verdict"),
    [
        pytest.param("API5:2023", [], "pass", id="nothing is left to the service"),
        pytest.param("API1:2023", [], "partly", id="something is"),
        pytest.param("API5:2023", [ROLE], "fail", id="a rule is broken"),
        pytest.param("API1:2023", [ROLE], "partly", id="a rule of other lines is broken"),
        pytest.param("API3:2023", [POST], "not applicable", id="notes fail nothing"),
        pytest.param(
            "API2:2023", [OPEN, ISSUERS, NOBODY], "not applicable", id="nobody is asked for a proof"
        ),
        pytest.param("A06:2021", [], "partly", id="what no configuration shows"),
        pytest.param("X-Frame-Options", [], "pass", id="a header that is set"),
        pytest.param("Referrer-Policy", [], "partly", id="one that the service may say itself"),
        pytest.param("Clear-Site-Data", [], "not applicable", id="one that no route needs"),
        pytest.param("Permissions-Policy", [HELMET], "fail", id="one that is missing"),
        pytest.param("Strict-Transport-Security", [], "not applicable", id="one of TLS, which is nowhere"),
        pytest.param("Strict-Transport-Security", [TRUSTED], "pass", id="one of TLS, which is in front"),
        pytest.param("Strict-Transport-Security", [TRUSTED, NO_HSTS], "fail", id="the same, taken away"),
        pytest.param("Cache-Control", [TRUSTED, NO_HSTS], "partly", id="another one beside that"),
        pytest.param("X-Frame-Options", [HELMET], "pass", id="one that is not, beside it"),
    ],
)
def test_a_line_comes_to_a_verdict(report, id, changes, verdict):
    assert verdict == line(report(*changes), id).verdict


@pytest.mark.parametrize(
    ("id", "change", "excuse"),
    [
        pytest.param("API5:2023", ROLE, ("AZ103", "place: roles.clerk"), id="a risk"),
        pytest.param("Cache-Control", HELMET, ("AZ309", "route: pay"), id="a header"),
    ],
)
def test_what_is_waived_fails_no_line_and_is_told_of(report, id, change, excuse):
    failed = line(report(change), id)
    waived = line(report(change, waivers=WAIVERS.format(*excuse)), id)
    assert ("fail", 1, 0) == (failed.verdict, len(failed.failures), len(failed.waived))
    assert (True, 0, 1) == (waived.verdict in ("pass", "partly"), len(waived.failures), len(waived.waived))


def test_every_proof_is_a_line_of_a_file(report, tmp_path):
    for each in report().lines:
        for proof in each.proofs:
            file, _, number = proof.source.rpartition(":")
            assert file.startswith(str(tmp_path))
            assert int(number) > 0
