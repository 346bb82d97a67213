import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from math import isfinite

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.policy import Principal
from gateway.policy.condition import condition

NAMES = "expected one of subject, roles, scopes, method, address, path.NAME, claims.NAME"
CLAIMS = {
    "sub": "user-1",
    "plan": "gold",
    "level": 3,
    "verified": True,
    "suspended": False,
    "ratio": 0.5,
    "nothing": None,
    "groups": ["staff", "pay"],
    "mixed": ["staff", 3, None, {"a": 1}],
    "org": {"id": "azora", "tags": ["a"]},
    "https://azora.example/tenant": "t-1",
}


@pytest.fixture
def verdict(exchange):
    """What a condition gives for one request and one principal."""

    def ask(text, *, claims=CLAIMS, roles=("student", "educator"), **request):
        asked = exchange(**{"captures": (b"user-1", b"a%20b/c"), "client": "10.1.2.3", **request})
        who = Principal("user-1", "azora-id", frozenset(roles), frozenset(["pay.read"]), claims)
        return condition(text, ("id", "rest"))(asked, who)

    return ask


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        pytest.param("path.id == claims.sub", True, id="whose record it is"),
        pytest.param('path.id == "user-1"', True, id="a text in double quotes"),
        pytest.param("path.id == 'user-1'", True, id="a text in single quotes"),
        pytest.param("path.id == 'user-2'", False, id="another text"),
        pytest.param('path.rest == "a b/c"', True, id="the rest of the path, decoded"),
        pytest.param("subject == claims.sub", True, id="the subject"),
        pytest.param('"educator" in roles', True, id="a role"),
        pytest.param('"Educator" in roles', False, id="a role in another case"),
        pytest.param('"admin" in roles', False, id="no role"),
        pytest.param('"pay.read" in scopes', True, id="a scope"),
        pytest.param("claims.plan in roles", False, id="a claim among the roles"),
        pytest.param("claims.level in roles", None, id="a number is not among the roles, nor not"),
        pytest.param('method in ["GET", "POST"]', True, id="one of some texts"),
        pytest.param('method != "GET"', False, id="another method"),
        pytest.param('"M-SEARCH" != method', True, id="a rare method"),
        pytest.param("method == claims.method", None, id="a method that the token does not say"),
        pytest.param("claims.level == 3", True, id="a number"),
        pytest.param("claims.level == 3.0", True, id="a fraction that is whole"),
        pytest.param("claims.level == -3", False, id="a number below zero"),
        pytest.param("claims.level in [1, 3]", True, id="one of some numbers"),
        pytest.param("claims.ratio == 0.5", True, id="a fraction"),
        pytest.param('claims.level == "3"', None, id="a number is no text"),
        pytest.param('claims.level != "3"', None, id="so it is not known to differ"),
        pytest.param("claims.verified == 1", None, id="true is not 1"),
        pytest.param("claims.verified", True, id="a claim that is true"),
        pytest.param("not claims.suspended", True, id="a claim that is false"),
        pytest.param("claims.verified == true", True, id="true, written out"),
        pytest.param("claims.plan", None, id="a text is not true"),
        pytest.param("not claims.plan", None, id="nor false"),
        pytest.param("claims.nothing", None, id="null is unknown"),
        pytest.param("claims.gone == claims.gone", None, id="what is missing equals nothing"),
        pytest.param("claims.gone != 'a'", None, id="what is missing differs from nothing"),
        pytest.param("not (claims.gone == 'a')", None, id="the unknown survives not"),
        pytest.param("not 'a' in claims.gone", None, id="no list has no members, nor lacks any"),
        pytest.param("claims.gone == 'a' or true", True, id="true or unknown"),
        pytest.param("claims.gone == 'a' and false", False, id="false and unknown"),
        pytest.param("claims.gone == 'a' and true", None, id="true and unknown"),
        pytest.param("claims.gone == 'a' or false", None, id="false or unknown"),
        pytest.param("'pay' in claims.groups", True, id="a member of a claim"),
        pytest.param("'nobody' in claims.groups", False, id="no member of a claim"),
        pytest.param("'nobody' in claims.mixed", None, id="a claim with members of other kinds"),
        pytest.param("'gold' in claims.plan", None, id="a text has no members"),
        pytest.param("claims.org == claims.org", None, id="mappings are not compared"),
        pytest.param("claims.org.id == 'azora'", True, id="a claim in a claim"),
        pytest.param("claims.org.id.deeper == 'azora'", None, id="a member of a text"),
        pytest.param("'a' in claims.org.tags", True, id="a list in a claim"),
        pytest.param('claims."https://azora.example/tenant" == "t-1"', True, id="a claim with a long name"),
        pytest.param("claims.'sub' == subject", True, id="a claim in single quotes"),
        pytest.param("subject in [path.id, claims.act]", True, id="one of some names"),
        pytest.param("claims.sub in [claims.act, 'user-2']", None, id="one of them is missing"),
        pytest.param('address in "10.0.0.0/8"', True, id="an address in a network"),
        pytest.param('not address in ["10.0.0.0/8", "::1"]', False, id="an address in one of some"),
        pytest.param('address in "192.0.2.7"', False, id="a network of one address"),
        pytest.param("false or false and true", False, id="and binds more tightly than or"),
        pytest.param("true or true and false", True, id="on either side"),
        pytest.param("(true or true) and false", False, id="brackets bind most tightly"),
        pytest.param("not false and false", False, id="not binds more tightly than and"),
        pytest.param("not path.id == 'user-1'", False, id="but less than =="),
        pytest.param("not not true", True, id="not twice"),
        pytest.param("(claims.level == 3) == claims.verified", True, id="a comparison is a truth value"),
        pytest.param(" \t\n(\r\ntrue ) ", True, id="blanks are nothing"),
        pytest.param("'a'=='a'and'b'!='c'", True, id="nor are they needed"),
    ],
)
def test_a_condition_holds_or_does_not_or_is_unknown(verdict, text, holds):
    assert holds is verdict(text)


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        pytest.param({"roles": "admin"}, "'admin' in claims.roles", id="roles as a text"),
        pytest.param({"roles": "not-admin"}, "'admin' in claims.roles", id="a text that ends alike"),
        pytest.param({"roles": {"admin": True}}, "'admin' in claims.roles", id="roles as a mapping"),
        pytest.param({"roles": [["admin"]]}, "'admin' in claims.roles", id="roles in a list in a list"),
        pytest.param(
            {"roles": ["ADMIN", "\u0430dmin", "admin\u200b"]}, "'admin' in claims.roles", id="look-alikes"
        ),
        pytest.param({"level": 10**4000}, "claims.level == 1.5", id="a huge number"),
        pytest.param({"level": float("nan")}, "claims.level != 1", id="no number"),
        pytest.param({"level": True}, "claims.level == 1", id="true for 1"),
        pytest.param({"ok": 1}, "claims.ok", id="1 for true"),
        pytest.param({"ok": "false"}, "not claims.ok", id="a text for false"),
        pytest.param({"banned": None}, "not claims.banned", id="null for false"),
        pytest.param({"sub": ["user-1"]}, "path.id == claims.sub", id="a list with the subject"),
        pytest.param({"sub": ""}, "path.id == claims.sub", id="an empty subject"),
        pytest.param({"sub": "USER-1"}, "path.id == claims.sub", id="a subject in another case"),
    ],
)
def test_claims_of_surprising_kinds_open_nothing(verdict, claims, text):
    assert verdict(text, claims=claims) is not True


@pytest.mark.parametrize(
    ("segment", "same"),
    [
        pytest.param(b"user-1", True, id="as it stands"),
        pytest.param(b"user-1%20", False, id="with a blank behind"),
        pytest.param(b"USER-1", False, id="in another case"),
        pytest.param(b"user%E2%80%901", False, id="with another hyphen"),
        pytest.param(b"user-%EF%BC%91", False, id="with another digit"),
        pytest.param(b"user-1%23", False, id="with a fragment"),
        pytest.param(b"user-1%3F", False, id="with a query"),
    ],
)
def test_a_segment_is_the_subject_only_if_every_character_is(verdict, segment, same):
    assert same is verdict("path.id == subject", captures=(segment, b""))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "expected a value, got the end at character 1", id="nothing"),
        pytest.param("   ", "expected a value, got the end at character 4", id="blanks"),
        pytest.param("subject ==", "expected a value, got the end at character 11", id="half a comparison"),
        pytest.param("true and", "expected a value, got the end at character 9", id="half a conjunction"),
        pytest.param("true and and", "expected a value, got and at character 10", id="an operator twice"),
        pytest.param(
            "true true", 'expected "and", "or" or the end, got true at character 6', id="no operator between"
        ),
        pytest.param("(true", 'expected ")", got the end at character 6', id="an open bracket"),
        pytest.param(
            "true)", 'expected "and", "or" or the end, got ) at character 5', id="a bracket too many"
        ),
        pytest.param("subject in ['a' 'b']", "expected \"]\", got 'b' at character 17", id="no comma"),
        pytest.param("subject in []", "expected a value, got ] at character 13", id="one of nothing"),
        pytest.param("subject in ['a',]", "expected a value, got ] at character 17", id="a comma too many"),
        pytest.param(
            "subject == 'a' == true",
            'expected "and", "or" or the end, got == at character 16',
            id="a comparison of three",
        ),
        pytest.param("true == not true", "expected a value, got not at character 9", id="not on the right"),
        pytest.param(
            "subject = 'a'", "expected a value or an operator, got '=' at character 9", id="one equals sign"
        ),
        pytest.param("true && true", "expected a value or an operator, got '&' at character 6", id="&&"),
        pytest.param(
            "subj\u0435\u043at == 'a'",
            "expected a value or an operator, got '\\u0435' at character 5",
            id="a look-alike",
        ),
        pytest.param(
            "true\u00a0", "expected a value or an operator, got '\\xa0' at character 5", id="no blank"
        ),
        pytest.param(
            "subject == 'a", "expected a second ' behind the text, got \"'\" at character 12", id="open"
        ),
        pytest.param(
            "subject == 'a\\n'", 'expected no backslash in a text, got "\'" at character 12', id="an escape"
        ),
        pytest.param(
            "claims.a == 007",
            "expected a number such as 12 or 1.5, got '0' at character 13",
            id="zeros before",
        ),
        pytest.param(
            "claims.a == 1e5",
            "expected a number such as 12 or 1.5, got '1' at character 13",
            id="an exponent",
        ),
        pytest.param(
            "claims.a == " + "9" * 400,
            "expected a number such as 12 or 1.5, got '9' at character 13",
            id="a number of many digits",
        ),
        pytest.param(
            "subjekt == 'a'", f'{NAMES}, got subjekt at character 1 (did you mean "subject"?)', id="?"
        ),
        pytest.param("null == claims.a", f"{NAMES}, got null at character 1", id="there is no null"),
        pytest.param("claims == 'a'", f"{NAMES}, got claims at character 1", id="all claims"),
        pytest.param(
            "path.id.a == 'a'", f'{NAMES}, got path.id.a at character 1 (did you mean "path.id"?)', id="/"
        ),
        pytest.param(
            "subject.a == 'a'", f'{NAMES}, got subject.a at character 1 (did you mean "subject"?)', id="."
        ),
        pytest.param(
            "__import__ == 'os'", f"{NAMES}, got __import__ at character 1", id="nothing of Python's"
        ),
        pytest.param(
            "path.ids == subject",
            'expected a variable of the path, got path.ids at character 1 (did you mean "path.id"?)',
            id="a variable that the path has not",
        ),
        pytest.param("subject", "expected a comparison, got a text at character 1", id="a text alone"),
        pytest.param("true or 3", "expected a comparison, got a number at character 9", id="a number alone"),
        pytest.param("not roles", "expected a comparison, got a list at character 5", id="a list alone"),
        pytest.param(
            "address", "expected a comparison, got the address at character 1", id="an address alone"
        ),
        pytest.param("subject == 3", "expected a text, got a number at character 12", id="two kinds"),
        pytest.param(
            "roles == 'admin'",
            "expected a text, a number or a truth value, got a list at character 1",
            id="a list compared",
        ),
        pytest.param(
            "address == '10.0.0.1'",
            'expected "in" and networks after address, got == at character 9',
            id="an address compared",
        ),
        pytest.param(
            "'10.0.0.1' == address",
            "expected a text, a number or a truth value, got the address at character 15",
            id="on the right too",
        ),
        pytest.param(
            "address in '10.0.0.1/8'",
            'expected a network such as 10.0.0.0/8, got "10.0.0.1/8" at character 12',
            id="bits behind the prefix",
        ),
        pytest.param(
            "address in ''", 'expected a network such as 10.0.0.0/8, got "" at character 12', id="no network"
        ),
        pytest.param(
            "method != 'delete'",
            'expected a method in upper case, GET for HEAD too, got "delete" at character 11',
            id="a method that none is",
        ),
        pytest.param(
            "method in ['GET', 'HEAD']",
            'expected a method in upper case, GET for HEAD too, got "HEAD" at character 19',
            id="a method that is never told",
        ),
        pytest.param(
            "'' == method",
            'expected a method in upper case, GET for HEAD too, got "" at character 1',
            id="''",
        ),
        pytest.param("method == 3", "expected a method, got a number at character 11", id="a number for one"),
        pytest.param(
            "method == subject", "expected a method, got a text at character 11", id="a text for one"
        ),
        pytest.param(
            "method in roles", "expected a method, got a text at character 11", id="one among roles"
        ),
        pytest.param(
            "address in claims.networks",
            "expected a network such as 10.0.0.0/8, got a claim at character 12",
            id="networks of a token",
        ),
        pytest.param(
            "address in ['10.0.0.0/8', 1]",
            "expected a network such as 10.0.0.0/8, got a number at character 27",
            id="a number for a network",
        ),
        pytest.param(
            "subject in 'user-1'", 'expected a list after "in", got a text at character 12', id="in a text"
        ),
        pytest.param(
            "subject in ['a', 3]", "expected a text, got a number at character 18", id="in two kinds"
        ),
        pytest.param("3 in roles", "expected a number, got a text at character 6", id="a number for a role"),
        pytest.param(
            "'a' in [roles]",
            "expected a text, a number or a truth value, got a list at character 9",
            id="a list in a list",
        ),
        pytest.param(
            "roles in roles",
            "expected a text, a number or a truth value, got a list at character 1",
            id="a list among others",
        ),
        pytest.param("x" * 2049, "expected at most 2048 characters, got 2049", id="too long"),
        pytest.param("x" * 2048, f"{NAMES}, got {'x' * 40}... at character 1", id="a long word"),
        pytest.param(
            "true or " * 128 + "true",
            "expected at most 256 words, got more at character 1028",
            id="many words",
        ),
        pytest.param("(" * 32 + "true", "expected at most 32 levels, got more at character 33", id="deep"),
    ],
)
def test_what_is_no_condition_is_told_with_its_place(text, message):
    with pytest.raises(ValueError) as caught:
        condition(text, ("id",))
    assert message == str(caught.value)


def test_without_a_path_any_variable_will_do():
    """For defaults, whose routes differ."""
    assert condition("path.anything == subject", None)
    with pytest.raises(ValueError, match="got path at character 1"):
        condition("path == subject", None)


@pytest.mark.parametrize("deep", ["(", "not ", "[", "not(", "true==(", "'a' in ["])
def test_no_depth_overflows(deep):
    for count in (31, 32, 33, 500):
        with pytest.raises(ValueError, match=r"^expected"):
            condition(deep * count, ())


def test_a_long_chain_is_not_deep(verdict):
    for text, holds in ((" and ".join(["true"] * 127), True), (" or ".join(["false"] * 127), False)):
        assert holds is verdict(text)


WORDS = st.sampled_from(
    [
        *("and", "or", "not", "in", "==", "!=", "(", ")", "[", "]", ",", ".", "true", "false", "1", "-2.5"),
        *("'a'", '"b"', "'", '"', "path.id", "path.x", "claims.a", "claims", "roles", "address", "subject"),
        *(" ", "\\", "\n", "é", "'10.0.0.0/8'", "0", "=", "{", "__class__"),
    ]
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.text(max_size=80)
    | st.lists(WORDS, max_size=60).map("".join)
    | st.lists(WORDS, max_size=60).map(" ".join)
)
def test_whatever_the_text_only_a_value_error_leaves(text):
    told = ""
    try:
        assert callable(condition(text, ("id",)))
    except ValueError as error:
        told = str(error)
    assert not told or re.fullmatch(r"expected .*, got .*", told)


# The same language once more: trees that are printed, and a naive way to find their value.


@dataclass(frozen=True)
class Tree:
    """An operator and its operands; leaves have their text and the way to their value."""

    operator: str
    operands: tuple = ()
    text: str = ""
    value: object = None


def leaf(text, value):
    return Tree("leaf", (), text, value)


def written(value):
    if isinstance(value, bool):
        return leaf(str(value).lower(), lambda world: value)
    quoted = f'"{value}"' if isinstance(value, str) else str(value)
    return leaf(quoted, lambda world: value)


def named(text, key):
    return leaf(text, lambda world: world[key])


CLAIM = st.sampled_from(["a", "b", "c"]).map(
    lambda name: leaf(f"claims.{name}", lambda w: w["claims"].get(name))
)
TEXTS = st.sampled_from([written(each) for each in ("x", "y", "GET", "")]) | st.sampled_from(
    [named("subject", "subject"), named("path.id", "id")]
)
METHODS = st.sampled_from([named("method", "method"), written("GET"), written("PUT")])
NUMBERS = st.sampled_from([written(each) for each in (0, 1, -1, 1.0, 2.5)])
TRUTHS = st.sampled_from([written(True), written(False)])
SETS = st.sampled_from([named("roles", "roles"), named("scopes", "scopes")])
ADDRESSES = st.lists(st.sampled_from(["10.0.0.0/8", "::1/128", "192.0.2.0/24"]), min_size=1, max_size=3).map(
    lambda texts: Tree("address", tuple(texts))
)


def of_one_kind(kind):
    single = kind | CLAIM
    lists = st.lists(single, min_size=1, max_size=3).map(lambda members: Tree("list", tuple(members)))
    return st.builds(
        lambda operator, *pair: Tree(operator, pair), st.sampled_from(["==", "!="]), single, single
    ) | st.builds(lambda *pair: Tree("in", pair), single, lists | CLAIM)


COMPARISONS = (
    st.one_of(*map(of_one_kind, (TEXTS, METHODS, NUMBERS, TRUTHS)))
    | st.builds(lambda *pair: Tree("in", pair), TEXTS | CLAIM, SETS)
    | ADDRESSES
    | TRUTHS
    | CLAIM
)


def combined(inner):
    negations = inner.map(lambda operand: Tree("not", (operand,)))
    operands = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return negations | st.builds(Tree, st.sampled_from(["and", "or"]), operands)


TREES = st.recursive(COMPARISONS, combined, max_leaves=10)
BINDING = {"or": 1, "and": 2, "not": 3, "==": 4, "!=": 4, "in": 4, "address": 4}


def printed(tree, brackets):
    """The text of a tree, with as few brackets as will do, or with as many as there can be."""
    if tree.operator == "leaf":
        return tree.text
    if tree.operator == "list":
        return f"[{', '.join(printed(each, brackets) for each in tree.operands)}]"
    if tree.operator == "address":
        quoted = [f"'{each}'" for each in tree.operands]
        return f"address in [{', '.join(quoted)}]" if len(quoted) > 1 else f"address in {quoted[0]}"
    if tree.operator == "not":
        return f"not {enclosed(tree.operands[0], 3, brackets)}"
    floor = BINDING[tree.operator] + 1
    return f" {tree.operator} ".join(enclosed(each, floor, brackets) for each in tree.operands)


def enclosed(tree, floor, brackets):
    text = printed(tree, brackets)
    return (
        f"({text})"
        if BINDING.get(tree.operator, 5) < floor or (brackets and tree.operator != "list")
        else text
    )


def naive(tree, world):
    """True, False, or None for the unknown."""
    if tree.operator == "leaf":
        return tree.value(world)
    if tree.operator == "list":
        return [naive(each, world) for each in tree.operands]
    if tree.operator == "address":
        return any(ip_address(world["address"]) in ip_network(each) for each in tree.operands)
    if tree.operator in ("==", "!="):
        same = naive_same(*(naive(each, world) for each in tree.operands))
        return same if same is None or tree.operator == "==" else not same
    if tree.operator == "in":
        value, members = (naive(each, world) for each in tree.operands)
        if not is_single(value) or not isinstance(members, list | frozenset):
            return None
        if isinstance(members, frozenset) and not isinstance(value, str):
            return None
        return naive_or([naive_same(value, member) for member in members])
    values = [naive(each, world) for each in tree.operands]
    values = [value if value is True or value is False else None for value in values]
    if tree.operator == "not":
        return {True: False, False: True, None: None}[values[0]]
    if tree.operator == "or":
        return naive_or(values)
    return False if False in values else None if None in values else True


def naive_or(values):
    return True if True in values else None if None in values else False


def naive_same(left, right):
    if not is_single(left) or not is_single(right):
        return None
    for kind in (str, bool):
        if isinstance(left, kind) or isinstance(right, kind):
            return left == right if isinstance(left, kind) and isinstance(right, kind) else None
    return left == right


def is_single(value):
    return isinstance(value, str | bool | int) or (isinstance(value, float) and isfinite(value))


ATOMS = st.sampled_from(["x", "y", "", "GET", 0, 1, 2.5, 1.0, True, False, None, float("nan"), float("inf")])
WORLDS = st.fixed_dictionaries(
    {
        "claims": st.dictionaries(
            st.sampled_from(["a", "b", "c"]), ATOMS | st.lists(ATOMS, max_size=3) | st.just({"x": "y"})
        ),
        "roles": st.frozensets(st.sampled_from(["x", "y", "GET"])),
        "scopes": st.frozensets(st.sampled_from(["x", ""])),
        "subject": st.sampled_from(["x", "y"]),
        "method": st.sampled_from(["GET", "POST"]),
        "id": st.sampled_from(["x", "", "z"]),
        "address": st.sampled_from(["10.1.2.3", "::1", "203.0.113.1"]),
    }
)


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(tree=TREES, world=WORLDS, brackets=st.booleans())
def test_a_printed_tree_has_the_value_of_the_tree(exchange, tree, world, brackets):
    who = Principal(world["subject"], "azora-id", world["roles"], world["scopes"], world["claims"])
    asked = exchange(
        client=world["address"],
        method=world["method"].encode(),
        captures=(world["id"].encode(),),
        principal=who,
    )
    expected = naive(tree, world)
    expected = expected if expected is True or expected is False else None
    assert expected is condition(printed(tree, brackets), ("id",))(asked, who)
