"""What a validator found, said to people: the place in the file, what was expected, what stood there."""

from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.config.problem import Path, Problem
from gateway.config.schema.model import Spec
from gateway.config.tree import Tree, shown

_EXPECTED = {
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "value_error": "{error}",
}


def problems(tree: Tree, spec: type[Spec], error: ValidationError) -> Iterator[Problem]:
    """Each finding of the validation of `tree.data` as a `spec`."""
    for found in error.errors(include_url=False, include_input=False):
        yield _problem(tree, spec, found)


def nearest(word: object, known: list[str]) -> str:
    """` (did you mean "x"?)` for what was probably meant, else nothing."""
    close = get_close_matches(word, known, n=1) if isinstance(word, str) else []
    return f' (did you mean "{close[0]}"?)' if close else ""


def _problem(tree: Tree, spec: type[Spec], found: ErrorDetails) -> Problem:
    kind, path = found["type"], _path(found["loc"])
    if kind == "extra_forbidden":
        hint = nearest(path[-1], list(_keys(spec, path[:-1])))
        return tree.key_problem(path, f'expected a known key, got "{path[-1]}"{hint}')
    if kind == "missing":
        return tree.problem(path[:-1], f'expected the key "{path[-1]}"')
    if kind == "rule":
        return tree.problem(path, found["msg"])
    if path[-1:] == ("[key]",):
        return tree.key_problem(path[:-1], f'expected {_expected(found)} as the key, got "{path[-2]}"')
    value = tree.at(path)
    got = "what is not shown" if _is_unseen(spec, path) and _is_scalar(value) else shown(value)
    return tree.problem(path, f"expected {_expected(found)}, got {got}{_hint(kind, value, found)}")


def _expected(found: ErrorDetails) -> str:
    context = found.get("ctx", {})
    if found["type"] == "union_tag_invalid":
        tags = [tag.strip(" '<>") for tag in context["expected_tags"].split(",")]
        return "a " + " or a ".join(tags)
    text = _EXPECTED[found["type"]].format(**context) if found["type"] in _EXPECTED else found["msg"]
    return text.replace("'", '"') if found["type"] == "literal_error" else text


def _hint(kind: str, value: object, found: ErrorDetails) -> str:
    if kind == "string_type" and isinstance(value, bool | int | float):
        return ": quote it"
    if kind == "literal_error":
        return nearest(
            value, [word.strip("' ") for word in found["ctx"]["expected"].replace(" or ", ",").split(",")]
        )
    return ""


def _path(loc: tuple[str | int, ...]) -> Path:
    # The members of a union are told apart by tags in angle brackets; they stand in no file.
    return tuple(part for part in loc if not (isinstance(part, str) and part.startswith("<")))


def _is_scalar(value: object) -> bool:
    # Of anything else only its kind is told.
    return isinstance(value, str | int | float)


def _is_unseen(spec: type[Spec], path: Path) -> bool:
    """True if there is a secret at the path, or around it."""
    return any(
        not field.repr
        for end in range(len(path))
        for each in _specs(spec, path[:end])
        for name, field in each.model_fields.items()
        if (field.alias or name) == path[end]
    )


def _keys(shape: Any, path: Path) -> Iterator[str]:
    """The keys that the mapping at `path` may have."""
    for spec in _specs(shape, path):
        yield from (field.alias or name for name, field in spec.model_fields.items())


def _specs(shape: Any, path: Path) -> Iterator[type[Spec]]:
    """What the mapping at `path` may be, found by walking the annotations."""
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Annotated:
        yield from _specs(arguments[0], path)
    elif origin in (Union, UnionType):
        for member in arguments:
            yield from _specs(member, path)
    elif origin in (tuple, dict):
        yield from _specs(arguments[0 if origin is tuple else 1], path[1:])
    elif isinstance(shape, type) and issubclass(shape, Spec):
        fields = {field.alias or name: field.annotation for name, field in shape.model_fields.items()}
        if not path:
            yield shape
        elif path[0] in fields:
            yield from _specs(fields[str(path[0])], path[1:])
