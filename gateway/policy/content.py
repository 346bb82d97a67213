"""What the body of a request has to be: JSON or a form, and what a schema says of it."""

from collections.abc import Iterable, Mapping
from typing import Protocol, final

from gateway.http.reply import Reply, problem
from gateway.policy import Reason, json_text
from gateway.policy.json_schema import Schema, Violation
from gateway.policy.parameters import Parameters, pairs
from gateway.policy.references import pointer

NO_JSON = problem(400, Reason.MALFORMED_BODY, "The body is not JSON, or not such that all read it alike.")
NO_FORM = problem(400, Reason.MALFORMED_BODY, "The body is not a form, or not such that all read it alike.")


class Content(Protocol):
    """Judges a whole body: a Reply that refuses it, or None."""

    def judge(self, raw: bytes) -> Reply | None: ...


@final
class JsonContent:
    """A JSON text, whose value the schema admits if there is one."""

    __slots__ = ("_schema",)

    def __init__(self, schema: Schema | None) -> None:
        self._schema = schema

    def judge(self, raw: bytes) -> Reply | None:
        """400 `malformed_body`, 422 `invalid_body`, or None."""
        try:
            value = json_text.parse(raw)
        except ValueError:
            return NO_JSON
        if self._schema is None or self._schema.admits(value):
            return None
        return _invalid(self._schema.violations(value, raw.count(b",") + raw.count(b"{") + raw.count(b"[")))


@final
class FormContent:
    """`application/x-www-form-urlencoded`: its fields make an object, which the schema admits."""

    __slots__ = ("_parameters", "_schema")

    def __init__(self, parameters: Parameters, schema: Schema) -> None:
        self._parameters = parameters
        self._schema = schema

    def judge(self, raw: bytes) -> Reply | None:
        """400 `malformed_body`, 422 `invalid_body`, or None."""
        try:
            value = self._parameters.values(pairs(raw))
        except ValueError:
            return NO_FORM
        return None if self._schema.admits(value) else _invalid(self._schema.violations(value, len(value)))


def _invalid(violations: Iterable[Violation]) -> Reply:
    errors: list[Mapping[str, str]] = [
        {"pointer": pointer(path), "detail": detail} for path, detail in violations
    ]
    return problem(
        422, Reason.INVALID_BODY, "The body does not have the expected form.", extensions={"errors": errors}
    )
