import pytest

POLICIES = """
tiers:
  public: {limit: 60/1m, burst: 20}
  closed: {limit: 0/1m}
  uploads: {concurrent: 4, key: principal}
  pro: {limit: 600/1m, key: principal}
routes:
  - id: a
    match: {path: /a}
    upstream: pay
    auth: public
    quota: QUOTA
"""


@pytest.mark.parametrize(
    ("quota", "problems"),
    [
        pytest.param("[public, uploads]", [], id="two tiers"),
        pytest.param("[{tier: public, cost: 20}]", [], id="a whole burst"),
        pytest.param("[{tier: closed, cost: 7}]", [], id="what nobody gets anyway"),
        pytest.param("[]", [], id="no tiers"),
        pytest.param('[public, {by: "claim:plan", pro: pro, else: uploads}]', [], id="a choice"),
        pytest.param('[{by: "claim:plan", a: pro, b: pro, else: pro}]', [], id="a choice of the same"),
        pytest.param(
            "[{tier: public, cost: 21}]",
            ["11:34: routes[0].quota[0].cost: expected at most 20, which is all that the tier holds, got 21"],
            id="more than a burst",
        ),
        pytest.param(
            "[{cost: 5, tier: uploads}]",
            ["11:20: routes[0].quota[0].cost: expected at most 4, which is all that the tier holds, got 5"],
            id="more than there may be at once",
        ),
        pytest.param(
            "[public, {tier: public, cost: 2}]",
            ['11:21: routes[0].quota[1]: expected each tier once, got "public" again'],
            id="a tier and a cost of it",
        ),
        pytest.param(
            '[pro, {by: "claim:plan", gold: pro, else: public}]',
            ['11:18: routes[0].quota[1]: expected each tier once, got "pro" again'],
            id="a tier that a choice may give again",
        ),
        pytest.param(
            "[public, nobody]",
            ['11:21: routes[0].quota[1]: expected the name of a tier, got "nobody"'],
            id="a tier that nobody defined",
        ),
    ],
)
def test_a_quota_can_be_paid_and_counts_once(report, quota, problems):
    found = report(policies=POLICIES.replace("QUOTA", quota))
    assert [f"policies/a.yaml:{problem}" for problem in problems] == found


def test_the_defaults_of_every_file_are_checked(report):
    found = report(
        gateway="""
        version: 1
        upstreams: {pay: {endpoints: ["http://127.0.0.1:4009"]}}
        policies: [policies]
        defaults: {quota: [{tier: public, cost: 99}]}
        """,
        policies=POLICIES.replace("QUOTA", "[]"),
    )
    assert ["gateway.yaml:4:41"] == [line.split(": ")[0] for line in found]


def test_a_file_with_other_faults_has_its_quotas_checked(report):
    policies = POLICIES.replace("QUOTA", "[public, public]").replace("upstream: pay", "upstream: pai")
    assert ["policies/a.yaml:9:15", "policies/a.yaml:11:21"] == [
        line.split(": ")[0] for line in report(policies=policies)
    ]
