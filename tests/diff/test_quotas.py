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
        pytest.param("[slow]", "[slower]", [NARROWS], id="replaced by a stricter one"),
        pytest.param("[slower]", "[slow]", [WIDENS, NARROWS], id="replaced by a laxer one"),
        pytest.param("[slow]", "[eager]", [WIDENS, NARROWS], id="more at once, though slower"),
        pytest.param("[slow]", "[steady]", [CHANGES], id="the same in other words"),
        pytest.param("[slow]", "[mine]", [WIDENS, NARROWS], id="counted by another key"),
        pytest.param("[slow]", "[once]", [WIDENS, NARROWS], id="of another kind"),
        pytest.param("[slow]", "[none]", [NARROWS], id="none at all"),
        pytest.param("[{tier: slow, cost: 2}]", "[slow]", [WIDENS], id="cheaper"),
        pytest.param("[slow]", "[{tier: slow, cost: 2}]", [NARROWS], id="dearer"),
        pytest.param(
            "[{by: tier, x: slow, else: slower}]", "[{by: tier, else: slower}]", [NARROWS], id="no choice"
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
    (change,) = told("[slow]", "[slower]")
    assert [":2", ":3"] == [place[-2:] for place in (change.old, change.new)]
