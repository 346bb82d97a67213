from typing import Annotated

import pytest
from pydantic import ValidationError

from gateway.config.interpolation import Resolved
from gateway.config.schema import model
from gateway.config.schema.model import Spec


class Example(Spec):
    """A mapping."""

    must: model.Text = model.needed("Has to be there.")
    may: model.Count = model.optional("May be there.", 3)
    after: model.Duration | None = model.optional("May be there, and has no default.")
    otherwise: model.Flag = model.optional("Named differently.", False, alias="else")
    names: Annotated[model.Items[model.Name], model.NOT_EMPTY] = model.optional("Names.", ("a",))


def outside(text):
    resolved = Resolved(text)
    resolved.origin = "${env:X}"
    return resolved


def kinds(data):
    with pytest.raises(ValidationError) as caught:
        Example.model_validate(data)
    return [(error["loc"], error["type"]) for error in caught.value.errors()]


def test_defaults_step_in():
    spec = Example.model_validate({"must": "x"})
    assert ("x", 3, None, False, ("a",)) == (spec.must, spec.may, spec.after, spec.otherwise, spec.names)


@pytest.mark.parametrize(
    ("data", "key", "value"),
    [
        pytest.param({"may": outside("7")}, "may", 7, id="a number from outside"),
        pytest.param({"else": outside("true")}, "otherwise", True, id="a truth value from outside"),
        pytest.param({"must": outside("7")}, "must", "7", id="a text from outside stays one"),
        pytest.param({"names": ["b", "c"]}, "names", ("b", "c"), id="a list"),
    ],
)
def test_a_value_is_read(data, key, value):
    assert value == getattr(Example.model_validate({"must": "x", **data}), key)


@pytest.mark.parametrize(
    ("data", "loc", "kind"),
    [
        pytest.param({"must": ""}, ("must",), "string_too_short", id="an empty text"),
        pytest.param({"more": 1}, ("more",), "extra_forbidden", id="an unknown key"),
        pytest.param({"may": "7"}, ("may",), "int_type", id="a number as a text"),
        pytest.param({"may": True}, ("may",), "int_type", id="a truth value for a number"),
        pytest.param({"may": outside("x")}, ("may",), "int_type", id="no number from outside"),
        pytest.param({"after": "x"}, ("after",), "value_error", id="a text that is no duration"),
        pytest.param({"names": []}, ("names",), "rule", id="an empty list"),
        pytest.param({"names": [1]}, ("names", 0), "value_error", id="a wrong item, not also an empty list"),
    ],
)
def test_a_wrong_value_is_told_once(data, loc, kind):
    assert [(loc, kind)] == kinds({"must": "x", **data})


def test_a_spec_is_frozen():
    with pytest.raises(ValidationError):
        Example.model_validate({"must": "x"}).must = "y"
