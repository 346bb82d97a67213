"""Two mappings, key by key."""

import pytest

from gateway.config.schema.gateway import AdminSpec, ListenerSpec
from gateway.config.tree import Place, Tree
from gateway.diff.change import Kind
from gateway.diff.order import grants, more, neutral
from gateway.diff.section import Nested, Section, compared, present

TREE = Tree("a.yaml", {"admin": {"token": "a-secret"}}, {(): Place(1, 1), ("admin",): Place(3, 1)})


def section(model=AdminSpec, **said):
    return Section(TREE, ("admin",), model.model_validate(said))


def test_a_key_without_a_rule_counts_as_one_of_which_nobody_can_tell():
    (change,) = compared(section(), section(token="b"), {})
    assert (Kind.WIDENS, False, "token: nothing -> hidden") == (change.kind, change.proved, change.what)


def test_a_secret_is_never_shown():
    (change,) = compared(section(token="a-secret"), section(token="b"), {"token": neutral})
    assert "token: has changed" == change.what


def test_a_mapping_inside_is_told_by_its_whole_name_and_nearest_line():
    one, other = section(), section(cors={"allow_origins": ["https://a.example"]})
    (change,) = compared(one, other, {"cors": Nested({"allow_origins": neutral})})
    assert ("cors.allow_origins", "a.yaml:3") == (change.what.partition(":")[0], change.old)


def test_a_mapping_that_only_one_side_has_is_judged_whole():
    tls = {"certificates": [{"certificate": "a", "key": "b"}]}
    one, other = (section(ListenerSpec, address="0.0.0.0:1", **more) for more in ({}, {"tls": tls}))
    (change,) = compared(one, other, {"tls": Nested({}, absent=grants)})
    assert (Kind.WIDENS, "tls is added") == (change.kind, change.what)


@pytest.mark.parametrize(("swapped", "words"), [(False, "it is added"), (True, "it is removed")])
def test_what_only_one_side_has_has_one_place(swapped, words):
    sides = (Section(TREE, (), None), section())
    (change,) = present(*(reversed(sides) if swapped else sides), more, "it")
    assert (words, {"", "a.yaml:3"}) == (change.what, {change.old, change.new})
