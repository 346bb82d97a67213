"""Which of two values is the wider one."""

from ipaddress import ip_network

import pytest

from gateway.diff import order
from gateway.diff.change import Kind

WIDENS, NARROWS, CHANGES = Kind


def networks(*texts):
    return tuple(map(ip_network, texts))


@pytest.mark.parametrize(
    ("rule", "old", "new", "kinds"),
    [
        pytest.param(order.neutral, 1, 2, [CHANGES], id="a name"),
        pytest.param(order.unproved, 1, 2, [WIDENS], id="nobody can tell"),
        pytest.param(order.more, 1, 2, [WIDENS], id="a higher bound"),
        pytest.param(order.more, 2, 1, [NARROWS], id="a lower bound"),
        pytest.param(order.more, 2, None, [WIDENS], id="no bound"),
        pytest.param(order.more, None, 2, [NARROWS], id="a first bound"),
        pytest.param(order.less, "1.3", "1.2", [WIDENS], id="a lower floor"),
        pytest.param(order.less, 5, None, [WIDENS], id="no floor"),
        pytest.param(order.less, None, 5, [NARROWS], id="a first floor"),
        pytest.param(order.ranks("a", "b", None), "b", None, [WIDENS], id="a later rank"),
        pytest.param(order.ranks("a", "b", None), None, "a", [NARROWS], id="an earlier rank"),
        pytest.param(order.grants, None, 1, [WIDENS], id="a first grant"),
        pytest.param(order.grants, 1, None, [NARROWS], id="no grant"),
        pytest.param(order.grants, 1, 2, [WIDENS], id="another grant"),
        pytest.param(order.guards, None, 1, [NARROWS], id="a first guard"),
        pytest.param(order.guards, 1, None, [WIDENS], id="no guard"),
        pytest.param(order.guards, 1, 2, [WIDENS], id="another guard"),
        pytest.param(order.members, ("a",), ("a", "b"), [WIDENS], id="a member more"),
        pytest.param(order.members, ("a", "b"), ("b",), [NARROWS], id="a member less"),
        pytest.param(order.members, ("a",), ("b",), [WIDENS, NARROWS], id="another member"),
        pytest.param(order.members, ("a", "b"), ("b", "a"), [WIDENS], id="another order"),
        pytest.param(order.members_or_all, ("a",), (), [WIDENS], id="none is all"),
        pytest.param(order.members_or_all, (), ("a",), [NARROWS], id="all becomes some"),
        pytest.param(order.members_or_all, ("a",), ("a", "b"), [WIDENS], id="some more"),
        pytest.param(order.demands, ("a",), ("a", "b"), [NARROWS], id="a demand more"),
        pytest.param(order.demands, ("a",), (), [WIDENS], id="a demand less"),
        pytest.param(order.wildcards, ("a",), ("*",), [WIDENS], id="any"),
        pytest.param(order.wildcards, ("*",), ("a",), [NARROWS], id="no longer any"),
        pytest.param(order.wildcards, (), ("a",), [WIDENS], id="a first name"),
        pytest.param(order.origins, ("https://*.a.b",), ("https://x.a.b",), [NARROWS], id="one of many"),
        pytest.param(order.origins, ("https://x.a.b",), ("https://*.a.b",), [WIDENS], id="many for one"),
        pytest.param(order.origins, ("https://a.b",), ("http://a.b",), [WIDENS, NARROWS], id="a scheme"),
        pytest.param(
            order.origins, ("https://*.a.b",), ("https://a.b",), [WIDENS, NARROWS], id="the site itself"
        ),
        pytest.param(
            order.origins, ("https://*.a.b",), ("https://xa.b",), [WIDENS, NARROWS], id="a look-alike"
        ),
        pytest.param(
            order.origins, ("https://*.a.b",), ("http://x.a.b",), [WIDENS, NARROWS], id="a plain one"
        ),
        pytest.param(order.origins, ("*",), ("null",), [NARROWS], id="null is in any"),
        pytest.param(
            order.trusted,
            networks("10.0.0.0/9", "10.128.0.0/9"),
            networks("10.0.0.0/8"),
            [CHANGES],
            id="halves",
        ),
        pytest.param(
            order.trusted,
            networks("10.0.0.0/8"),
            networks("10.0.0.0/7"),
            [WIDENS, NARROWS],
            id="twice as wide",
        ),
        pytest.param(order.trusted, networks("10.0.0.0/8"), networks("10.1.0.0/16"), [NARROWS], id="a part"),
        pytest.param(
            order.trusted, networks("0.0.0.0/0"), networks("::/0"), [WIDENS, NARROWS], id="another family"
        ),
        pytest.param(
            order.trusted, networks("10.0.0.0/8"), networks("::ffff:10.0.0.0/104"), [CHANGES], id="mapped"
        ),
        pytest.param(order.admitted, networks("10.0.0.0/8"), (), [WIDENS], id="every network"),
        pytest.param(order.admitted, (), networks("10.0.0.0/8"), [NARROWS], id="some networks"),
        pytest.param(
            order.denied, networks("10.0.0.0/8"), networks("10.0.0.0/9"), [WIDENS], id="half denied"
        ),
        pytest.param(order.denied, (), networks("10.0.0.0/9"), [NARROWS], id="denied at all"),
    ],
)
def test_wider_is(rule, old, new, kinds):
    assert kinds[0] is WIDENS or WIDENS not in kinds
    assert kinds[0] in [change.kind for change in rule(old, new)]
    assert (WIDENS in kinds) == (WIDENS in [change.kind for change in rule(old, new)])
