"""How much a route lets everybody do."""

import pytest

from gateway.diff.change import Kind
from gateway.diff.quotas import quotas
from gateway.diff.seen import seen

WIDENS, NARROWS, CHANGES = Kind
TIERS = """\
tiers:
  slow: {limit: 10/1m, key: address}
  slower: {limit: 5/1m, key: address}
  steady: {limit: 1/6s, burst: 10, key: address}
  eager: {limit: 5/1m, burst: 20, key: address}
  mine: {limit: 5/1m, key: principal}
  once: {concurrent: 2, key: address}
  none: {limit: 0/1m, key: address}
"""


@pytest.fixture
def told(stage):
    def compare(old, new):
        routes = "".join(
            f"  - {{id: {id}, match: {{path: /{id}}}, upstream: backend, auth: public, quota: {quota}}}\n"
            for id, quota in (("old", old), ("new", new))
        )
        made = seen(stage(f"{TIERS}routes:\n{routes}"))
        return list(quotas(made["old"], made["new"]))

    return compare


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        pytest.param("[slow]", "[slow]", [], id="alike"),
        pytest.param("[slow]", "[]", [WIDENS], id="gone"),
        pytest.param("[]", "[slow]", [NARROWS], id="new"),
        pytest.param(
            "[slow]", "[slower]", [WIDENS, NARROWS], id="a bucket of its own, though a stricter one"
        ),
        pytest.param("[slower]", "[slow]", [WIDENS, NARROWS], id="replaced by a laxer one"),
        pytest.param("[slow]", "[eager]", [WIDENS, NARROWS], id="more at once, though slower"),
        pytest.param("[slow]", "[steady]", [WIDENS, NARROWS], id="the same in another bucket"),
        pytest.param("[slow]", "[mine]", [WIDENS, NARROWS], id="counted by another key"),
        pytest.param("[slow]", "[once]", [WIDENS, NARROWS], id="of another kind"),
        pytest.param("[slow]", "[none]", [WIDENS, NARROWS], id="none at all"),
        pytest.param("[{tier: slow, cost: 2}]", "[slow]", [WIDENS], id="cheaper"),
        pytest.param("[slow]", "[{tier: slow, cost: 2}]", [NARROWS], id="dearer"),
        pytest.param(
            "[{by: tier, x: slow, else: slower}]", "[{by: tier, else: slower}]", [WIDENS], id="no choice"
        ),
        pytest.param(
            "[{by: tier, else: slower}]", "[{by: tier, x: slow, else: slower}]", [WIDENS], id="a choice"
        ),
        pytest.param(
            "[{by: tier, x: slow, else: slower}]",
            "[{by: claim:x, x: slow, else: slower}]",
            [WIDENS, NARROWS],
            id="another chooser",
        ),
    ],
)
def test_quotas_are_compared(told, old, new, kinds):
    assert kinds == [change.kind for change in told(old, new)]


def test_a_line_has_the_places_of_its_tier(told):
    gone, joined = told("[slow]", "[slower]")
    assert [":2", ":3"] == [place[-2:] for place in (gone.old, joined.new)]


def test_a_tier_in_other_words_is_the_same(stage):
    """Six seconds for one are a minute for ten: the bucket is as large and fills as fast."""
    routes = "routes:\n  - {id: a, match: {path: /a}, upstream: backend, auth: public, quota: [slow]}\n"
    old = seen(stage(TIERS + routes))["a"]
    new = seen(stage(TIERS.replace("slow: {limit: 10/1m,", "slow: {limit: 1/6s, burst: 10,") + routes))["a"]
    assert [CHANGES] == [change.kind for change in quotas(old, new)]
