"""What nobody calls for is told of, and what anybody does is not."""

import pytest

POLICIES = "policies: [policies]"
TIERS = "tiers:\n"
ROLES = "roles:\n"
KEYS = f'keys: [{{id: a1b2c3d4, sha256: "{"0" * 64}", principal: p, tier: gold}}]'


@pytest.mark.parametrize(
    ("rule", "changes", "expected"),
    [
        pytest.param("AZ601", [(TIERS, TIERS + "  gold: {limit: 1/1s}\n")], "tiers.gold", id="a tier"),
        pytest.param(
            "AZ602", [(ROLES, ROLES + '  boss: {permissions: ["jobs:read"]}\n')], "roles.boss", id="a role"
        ),
        pytest.param(
            "AZ603",
            [("{pay: {", '{shop: {endpoints: ["http://127.0.0.1:1"]}, pay: {')],
            "upstreams.shop",
            id="an upstream",
        ),
        pytest.param(
            "AZ604",
            [(TIERS, 'cors:\n  web: {allow_origins: ["https://a.example"]}\ntiers:\n')],
            "cors.web",
            id="a cors policy",
        ),
        pytest.param(
            "AZ605", [(TIERS, "headers:\n  mine: {}\ntiers:\n")], "headers.mine", id="a headers policy"
        ),
        pytest.param(
            "AZ606",
            [(POLICIES, f'forward_auth: {{legacy: {{url: "http://127.0.0.1"}}}}\n{POLICIES}')],
            "forward_auth.legacy",
            id="a service that decides",
        ),
    ],
)
def test_a_rule_is_broken(spots, rule, changes, expected):
    assert [expected] == [subject for subject, _ in spots(rule, *changes)]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        pytest.param(
            "AZ601",
            [
                (TIERS, TIERS + "  gold: {limit: 1/1s, key: principal}\n"),
                ("quota: [visitors, users]", 'quota: [visitors, {by: "claim:plan", pro: gold, else: users}]'),
            ],
            id="a tier to choose",
        ),
        pytest.param(
            "AZ602", [(ROLES, ROLES + "  boss: {inherits: [clerk]}\n")], id="a role by what it inherits"
        ),
        pytest.param(
            "AZ602", [(ROLES, ROLES + '  boss: {permissions: ["*"]}\n')], id="a role for everything"
        ),
        pytest.param(
            "AZ602",
            [
                (ROLES, ROLES + '  boss: {permissions: ["jobs:read"]}\n'),
                (
                    'allow: {permissions: ["payments:read"]}',
                    'allow: {permissions: ["payments:read"], when: \'"boss" in roles\'}',
                ),
            ],
            id="a role that conditions and nothing else name",
        ),
        pytest.param("AZ603", [], id="an upstream that a route names"),
        pytest.param(
            "AZ604",
            [
                (TIERS, 'cors:\n  web: {allow_origins: ["https://a.example"]}\ntiers:\n'),
                ("auth: id}", "auth: id, cors: web}"),
            ],
            id="a cors policy by default",
        ),
        pytest.param(
            "AZ605",
            [(TIERS, "headers:\n  mine: {}\ntiers:\n"), ("headers: api", "headers: mine")],
            id="a headers policy by default",
        ),
        pytest.param(
            "AZ606",
            [
                (POLICIES, f'forward_auth: {{legacy: {{url: "http://127.0.0.1"}}}}\n{POLICIES}'),
                ("auth: id", "auth: [id, legacy]"),
            ],
            id="in a list",
        ),
    ],
)
def test_a_rule_is_kept(spots, rule, changes):
    assert [] == spots(rule, *changes)


def test_a_tier_that_only_keys_bear_is_used(spots, tmp_path):
    (tmp_path / "keys.yaml").write_text(KEYS)
    changes = [(TIERS, TIERS + "  gold: {limit: 1/1s, key: principal}\n")]
    changes.append((POLICIES, f"api_keys: {{file: keys.yaml}}\n{POLICIES}"))
    assert [] == spots("AZ601", *changes)
