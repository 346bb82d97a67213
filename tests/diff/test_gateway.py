"""Sections of gateway.yaml beyond single keys, which `test_run.py` has."""

import pytest

from gateway.diff.change import Kind


@pytest.mark.parametrize(
    ("pair", "name", "kind"),
    [
        pytest.param(
            ("[10.0.0.0/16]}", '[10.0.0.0/16]}\n  - {address: "127.0.0.1:9"}'),
            "listener 127.0.0.1:9",
            Kind.WIDENS,
            id="listener",
        ),
        pytest.param(
            ("  oracle:", '  seer: {url: "http://127.0.0.1:9"}\n  oracle:'),
            "forward_auth seer",
            Kind.CHANGES,
            id="service",
        ),
        pytest.param(
            (
                "  away:",
                '  far: {issuer: "https://f.example", jwks: "https://f.example/k", audience: [a]}\n  away:',
            ),
            "issuer far",
            Kind.CHANGES,
            id="issuer",
        ),
        pytest.param(
            ("  shop: {", '  shed: {endpoints: ["http://127.0.0.1:9"]}\n  shop: {'),
            "upstream shed",
            Kind.CHANGES,
            id="upstream",
        ),
        pytest.param(("id: spare", "id: other"), "api key other", Kind.WIDENS, id="key"),
        pytest.param(("name: ada", "name: bob"), "user bob", Kind.WIDENS, id="user"),
        pytest.param(
            ("timeouts: {head: 10s}", "timeouts: {head: 20s}"), "gateway", Kind.WIDENS, id="plain section"
        ),
        pytest.param(
            ("timeouts: {head: 10s}", "timeouts: {head: 10s, drain: 5s}"), "gateway", Kind.CHANGES, id="drain"
        ),
    ],
)
def test_section_is_told_by_its_name(compared, pair, name, kind):
    (told,) = [group for group in compared(pair) if name in group.names]
    assert kind is told.changes[0].kind


def test_a_name_in_auth_that_becomes_another_kind_of_thing_widens(compared):
    """`auth: oracle` stays as it is, and now trusts whoever issues tokens by that name."""
    issuer = '  oracle: {issuer: "https://o.example", jwks: "https://o.example/k", audience: [a]}\n  away:'
    service = 'forward_auth:\n  oracle: {url: "http://127.0.0.1:4003/ask", copy: [X-Team]}\n'
    groups = compared(("  away:", issuer), (service, ""))
    (told,) = [group for group in groups if "auth oracle" in group.names]
    assert (Kind.WIDENS, False) == (told.changes[0].kind, told.changes[0].proved)


def test_the_same_authority_is_no_difference(compared, authorities, tmp_path):
    shared = tmp_path / "ca.pem"
    pair = ("tls: {server_name: safe.example}", f'tls: {{server_name: safe.example, ca: "{shared}"}}')
    shared.write_bytes(next(authorities).file.read_bytes())
    assert [] == compared(both=(pair,))


def test_files_of_authorities_are_compared_by_what_they_hold(compared, authorities, tmp_path):
    """Each side has its own file of the same name."""
    pair = ("server_name: safe.example", "server_name: safe.example, ca: ca.pem")
    for side in ("old", "new"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "ca.pem").write_bytes(next(authorities).file.read_bytes())
    (group,) = compared(both=(pair,))
    assert (("authorities",), "ca.pem holds other authorities") == (group.names, group.changes[0].what)
