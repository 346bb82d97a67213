import json
import re
from pathlib import Path

import pytest
import yaml

from gateway.config.reference import generated, json_schema

ROOT = Path(__file__).parents[2]
EVERYTHING = (ROOT / "examples" / "everything.yaml").read_text()


@pytest.mark.parametrize("path", [pytest.param(path, id=path) for path in generated()])
def test_a_committed_file_is_in_step(path):
    """Where this fails, `make generated` writes the file anew."""
    assert generated()[path] == (ROOT / path).read_text()


@pytest.fixture(scope="module")
def shapes():
    return {file: json.loads(json_schema(file)) for file in ("gateway", "policies")}


def variants(shape, root):
    """A shape and those it stands for."""
    if "$ref" in shape:
        yield from variants(root["$defs"][shape["$ref"].rpartition("/")[2]], root)
    for member in (*shape.get("anyOf", ()), *shape.get("oneOf", ())):
        yield from variants(member, root)
    yield shape


def keys(shape, root, seen=()):
    """Every key below a shape, as (name of the mapping's description, key)."""
    for variant in variants(shape, root):
        if id(variant) in seen:
            continue
        inside = [*variant.get("properties", {}).values(), *variant.get("patternProperties", {}).values()]
        inside += [
            each
            for each in (variant.get("items"), variant.get("additionalProperties"))
            if isinstance(each, dict)
        ]
        yield from ((variant["description"], key) for key in variant.get("properties", {}))
        for each in inside:
            yield from keys(each, root, (*seen, id(variant)))


def used(node, shape, root):
    """The keys that a composed YAML node uses, named as above."""
    for variant in variants(shape, root):
        if isinstance(node, yaml.MappingNode):
            properties = variant.get("properties", {})
            others = [variant.get("additionalProperties"), *variant.get("patternProperties", {}).values()]
            other = next((each for each in others if isinstance(each, dict)), None)
            for key, value in node.value:
                if key.value in properties:
                    yield variant["description"], key.value
                    yield from used(value, properties[key.value], root)
                elif other:
                    yield from used(value, other, root)
        elif isinstance(node, yaml.SequenceNode) and "items" in variant:
            for item in node.value:
                yield from used(item, variant["items"], root)


# A route has the keys of the defaults too; they are shown there.
OF_DEFAULTS = (
    "What matches, where it goes, and what is demanded of it. One of upstream, redirect and respond."
)


def test_everything_uses_every_key(shapes):
    documents = zip(yaml.compose_all(EVERYTHING, Loader=yaml.CSafeLoader), shapes.values(), strict=True)
    there = {key for node, shape in documents for key in used(node, shape, shape)}
    known = {key for shape in shapes.values() for key in keys(shape, shape)}
    inherited = {(OF_DEFAULTS, key) for key in shapes["policies"]["$defs"]["DefaultsSpec"]["properties"]}
    assert ("Bounds of what a client may send.", "head") in there & known
    assert set() == known - there - inherited


@pytest.mark.parametrize(
    ("place", "text"),
    [
        pytest.param(("LimitsSpec", "fields"), "${env:FIELDS:-100}", id="for a number"),
        pytest.param(("LimitsSpec", "head"), "a ${file:/head}", id="for a size"),
        pytest.param(("CorsSpec", "credentials"), "${env:CREDENTIALS}", id="for a truth value"),
        pytest.param(("PathSpec", "slashes"), "${env:SLASHES}", id="for a word of a list"),
    ],
)
def test_an_editor_takes_interpolation(shapes, place, text):
    mapping, key = place
    choices = shapes["gateway"]["$defs"][mapping]["properties"][key]["anyOf"]
    assert [True] == [bool(re.search(each["pattern"], text)) for each in choices[1:]]


def test_an_editor_is_told_of_no_nulls_and_no_notes():
    for text in (json_schema("gateway"), json_schema("policies")):
        assert '"null"' not in text
        assert '"x-kind"' not in text
