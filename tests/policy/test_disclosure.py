import pytest

from gateway.policy.disclosure import DISCLOSING

FAMILIES = tuple(name[:-1] for name in DISCLOSING if name.endswith("*"))


def test_names_are_lower_case_and_stand_once():
    assert sorted(DISCLOSING) == sorted({name.lower() for name in DISCLOSING})


def test_no_name_stands_beside_its_family():
    assert not [name for name in DISCLOSING if not name.endswith("*") and name.startswith(FAMILIES)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_one_vendors(family):
    assert family.startswith("x-")
    assert family.endswith("-")
