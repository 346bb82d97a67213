"""The three values, and the values of requests and principals that they are made from."""

from ipaddress import ip_network

import pytest

from gateway.policy import Principal, logic

VALUES = (True, False, None)


def fixed(value):
    return logic.constant(value)


@pytest.fixture
def given(exchange):
    """What a value or a condition gives for a principal with these claims, and a request."""

    def ask(value, claims=None, **request):
        return value(exchange(**request), Principal("user-1", "azora-id", claims=claims or {}))

    return ask


@pytest.mark.parametrize(("value", "negated"), [(True, False), (False, True), (None, None)])
def test_not_leaves_the_unknown_unknown(given, value, negated):
    assert negated is given(logic.negation(fixed(value)))


@pytest.mark.parametrize("left", VALUES)
@pytest.mark.parametrize("right", VALUES)
def test_and_and_or_are_those_of_kleene(given, left, right):
    """`and` is the least, `or` the greatest, where the unknown stands between the two."""
    rank = {False: 0, None: 1, True: 2}
    both = sorted((left, right), key=rank.__getitem__)
    operands = (fixed(left), fixed(right))
    assert both == [given(logic.chain(operands, decisive)) for decisive in (False, True)]


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        pytest.param("a", "a", True, id="texts"),
        pytest.param("a", "A", False, id="case is not folded"),
        pytest.param("\u00e9", "e\u0301", False, id="nor are accents put together"),
        pytest.param("admin", "\u0430dmin", False, id="look-alike letters differ"),
        pytest.param("", "", True, id="an empty text is a text"),
        pytest.param(1, 1.0, True, id="numbers"),
        pytest.param(10**400, 10**400, True, id="huge numbers"),
        pytest.param(10**400, 1.5, False, id="a huge number and a fraction"),
        pytest.param(True, True, True, id="truth values"),
        pytest.param(True, 1, None, id="true is not 1"),
        pytest.param(False, 0, None, id="false is not 0"),
        pytest.param("1", 1, None, id="a text is not a number"),
        pytest.param("true", True, None, id="a text is not a truth value"),
        pytest.param(None, None, None, id="two that are missing are not equal"),
        pytest.param("a", None, None, id="one is missing"),
        pytest.param([1], [1], None, id="lists are not compared"),
        pytest.param({}, {}, None, id="nor are mappings"),
        pytest.param(float("nan"), 1.0, None, id="no number"),
        pytest.param(float("inf"), float("inf"), None, id="a number without end"),
    ],
)
def test_values_are_compared(given, left, right, equal):
    unequal = None if equal is None else not equal
    for one, other in ((left, right), (right, left)):
        verdicts = [given(logic.equality(fixed(one), fixed(other), wanted)) for wanted in (True, False)]
        assert [equal, unequal] == verdicts


@pytest.mark.parametrize(
    ("value", "members", "included"),
    [
        pytest.param("a", ["b", "a"], True, id="a member"),
        pytest.param("a", ["b"], False, id="no member"),
        pytest.param("a", [], False, id="of nothing"),
        pytest.param("a", ["b", 1], None, id="perhaps, if the other member were a text"),
        pytest.param("a", [1, "a"], True, id="beside something else"),
        pytest.param(1, [True], None, id="1 is not true"),
        pytest.param("a", "abc", None, id="a text is no list of letters"),
        pytest.param("admin", "admin", None, id="nor of one member"),
        pytest.param("a", {"a": 1}, None, id="a mapping is no list"),
        pytest.param("a", None, None, id="no list"),
        pytest.param(None, ["a"], None, id="no value"),
        pytest.param(None, [None], None, id="nothing is no member"),
        pytest.param(["a"], [["a"]], None, id="a list is no member"),
        pytest.param("a", [["a"]], None, id="a list in a list"),
        pytest.param("a", frozenset("ab"), True, id="a text of ours"),
        pytest.param("c", frozenset("ab"), False, id="no text of ours"),
        pytest.param(1, frozenset("ab"), None, id="a number among texts"),
        pytest.param(["a"], frozenset("ab"), None, id="what has no hash"),
        pytest.param(None, frozenset("ab"), None, id="nothing among texts"),
    ],
)
def test_members_are_found(given, value, members, included):
    assert included is given(logic.inclusion(fixed(value), fixed(members)))


@pytest.mark.parametrize(
    ("claims", "value"),
    [
        pytest.param({"org": {"id": "a"}}, "a", id="a member of a member"),
        pytest.param({"org": {}}, None, id="no such member"),
        pytest.param({}, None, id="no such claim"),
        pytest.param({"org": None}, None, id="null"),
        pytest.param({"org": "id"}, None, id="a text has no members"),
        pytest.param({"org": [{"id": "a"}]}, None, id="nor has a list"),
        pytest.param({"org": 7}, None, id="nor has a number"),
    ],
)
def test_a_claim_is_found(given, claims, value):
    assert value == given(logic.claim(("org", "id")), claims)


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (True, True),
        (False, False),
        (None, None),
        (1, None),
        (0, None),
        ("true", None),
        ([], None),
        ({}, None),
    ],
)
def test_only_truth_values_hold_or_do_not(given, value, holds):
    assert holds is given(logic.truth(fixed(value)))


@pytest.mark.parametrize(
    ("captured", "text"),
    [
        pytest.param(b"user-1", "user-1", id="as it stands"),
        pytest.param(b"a%20b", "a b", id="decoded"),
        pytest.param(b"%C3%A9", "é", id="as UTF-8"),
        pytest.param(b"100%25", "100%", id="once"),
        pytest.param(b"a+b", "a+b", id="plus is plus"),
        pytest.param(b"", "", id="nothing"),
    ],
)
def test_a_variable_of_the_path_is_decoded_once(given, captured, text):
    assert text == given(logic.capture(1), captures=(b"other", captured))


@pytest.mark.parametrize(
    ("client", "inside"),
    [
        pytest.param("10.1.2.3", True, id="in one"),
        pytest.param("2001:db8::1", True, id="in another"),
        pytest.param("192.0.2.1", False, id="in none"),
        pytest.param("::ffff:10.1.2.3", True, id="an IPv4-mapped address is the IPv4 address"),
        pytest.param("unix", None, id="no address"),
        pytest.param("10.1.2.3:80", None, id="none that can be read"),
    ],
)
def test_addresses_are_in_networks(given, client, inside):
    networks = [ip_network("::ffff:10.0.0.0/104"), ip_network("2001:db8::/32")]
    condition = logic.inside(networks)
    assert [inside, inside] == [given(condition, client=client) for _ in range(2)]


def test_addresses_fill_no_memory(given):
    known = logic._Inside([ip_network("10.0.0.0/8")])
    assert {False} == {known[f"2001:db8::{number:x}"] for number in range(10_000)}
    assert True is known["10.0.0.1"]
    assert len(known) <= 4096


@pytest.mark.parametrize(("method", "told"), [(b"GET", "GET"), (b"HEAD", "GET"), (b"M-SEARCH", "M-SEARCH")])
def test_head_is_told_as_get(given, method, told):
    assert told == given(logic.method, method=method)


def test_a_list_has_what_its_members_have_now(given):
    members = logic.each((fixed("a"), logic.claim(("b",)), logic.claim(("c",))))
    assert ["a", 1, None] == given(members, claims={"b": 1})
