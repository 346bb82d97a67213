"""The report for a terminal."""

from gateway.audit.text import text

ROLE = ('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["*"]}')
LISTENER = ('{address: "127.0.0.1:8080"}', '{address: "0.0.0.0:8080"}')
WAIVER = (
    "waivers: [{rule: AZ401, place: 'listeners[0]', reason: On a laptop., expires: '2026-07-01T00:00:00Z'}]"
)


def test_the_report_as_a_whole(report, tmp_path):
    made = text(report(ROLE, LISTENER, waivers=WAIVER)).replace(f"{tmp_path}/", "")
    assert (
        """\
AZ103 warning: A role with every permission
    policies/shop.yaml:5: the role clerk has every permission, also those to come
    fix: List the areas that the role needs, as `area:*`.

Waived:
    AZ401 gateway.yaml:2: listeners[0], until 2026-07-01

OWASP Top 10: 1 fail, 10 partly
    fail  A01:2021  (AZ103)
OWASP API Security Top 10 2023: 1 pass, 1 fail, 7 partly, 1 not applicable
    fail  API5:2023  (AZ103)
OWASP Secure Headers: 5 pass, 5 partly, 4 not applicable

0 errors, 1 warning, 0 notes, 1 waived
"""
        == made
    )
