"""A question as JSON: a request, and who is assumed to ask. It is what `POST /explain` takes."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError, model_validator

from gateway.config import wording
from gateway.config.problem import ConfigError, Problem
from gateway.config.schema.cases import PrincipalSpec
from gateway.config.schema.model import (
    LIST,
    NAME,
    NOT_EMPTY,
    SHAPE,
    UNSEEN,
    Count,
    Items,
    Spec,
    needed,
    optional,
    rule,
)
from gateway.config.tree import Tree
from gateway.policy import json_text

_FILE = "question"


def _line(value: str) -> str:
    if "\r" in value or "\n" in value:
        raise rule("expected a text without a line break: it would be another request")
    return value


Line = Annotated[str, AfterValidator(_line)]
Word = Annotated[str, Field(min_length=1), AfterValidator(_line)]
Lines = Annotated[Annotated[Line, NAME] | Annotated[Annotated[Items[Line], NOT_EMPTY], LIST], SHAPE]


class QuestionSpec(Spec):
    """One request as it would be sent, and who is assumed to ask."""

    method: Word = optional("The method.", "GET")
    url: Word = needed("A URL, or a path; sent as it stands.")
    fields: dict[Word, Lines] = optional("Fields; a list stands for several lines of one name.", {})
    body: str = optional("The body, as text.", "")
    client: Line = optional("The address of the connection. Absent: a stranger's.", "")
    listener: Count | None = optional(
        "Which listener takes it, the first is 1. Absent: the first that speaks the scheme of the URL."
    )
    principal: PrincipalSpec | None = optional("Who is assumed to be verified.")
    token: Annotated[Word | None, UNSEEN] = optional("A bearer token instead, which is really verified.")

    @model_validator(mode="after")
    def _one_who_asks(self) -> "QuestionSpec":
        if self.principal is not None and self.token is not None:
            raise rule("expected one of principal and token, got both")
        return self


def read_question(raw: bytes) -> QuestionSpec:
    """The question of a JSON text. Raises ConfigError, each problem with the key that it is about."""
    try:
        data = json_text.parse(raw)
    except ValueError:
        raise ConfigError([Problem(_FILE, 1, 1, "", "expected JSON in UTF-8, each name once")]) from None
    try:
        return QuestionSpec.model_validate(data)
    except ValidationError as error:
        raise ConfigError(wording.problems(Tree(_FILE, data), QuestionSpec, error)) from None
