"""`policies/tests/*.yaml`: requests, and what has to become of them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.config.schema.model import (
    LIST,
    MAPPING,
    NAME,
    NOT_EMPTY,
    SHAPE,
    TYPED,
    UNSEEN,
    Count,
    Duration,
    FieldName,
    Flag,
    Items,
    Moment,
    Name,
    Reads,
    Spec,
    Text,
    needed,
    optional,
    rule,
)
from gateway.config.schema.routes import Decider
from gateway.config.values import reason

ReasonWord = Annotated[str, Reads(reason)]
StatusCode = Annotated[int, Field(ge=200, le=599), TYPED]
StepName = Literal[
    "wire", "route", "cors", "clients", "quota", "limits", "validate", "csrf", "auth", "allow", "gateway"
]
# One value, or several lines of one name.
Values = Annotated[Annotated[str, NAME] | Annotated[Annotated[Items[str], NOT_EMPTY], LIST], SHAPE]


def _expected(value: object) -> object:
    if not isinstance(value, bool | str):
        raise ValueError("a text, true or false")
    return value


# true: it is there, false: it is not, a text: it is there with this value.
Expected = Annotated[bool | str, BeforeValidator(_expected)]


class PrincipalSpec(Spec):
    """Who asks, as if it had been verified."""

    subject: Text = needed("The subject.")
    roles: Items[Name] = optional("The roles.", ())
    scopes: Items[Text] = optional("The scopes.", ())
    claims: dict[str, Any] = optional("Other claims; `sub` is the subject unless it is said here.", {})
    method: Name | None = optional("What verified it. Absent: the first that the route's `auth` names.")
    tier: Name | None = optional("The tier, as an API key has one.")


Who = Annotated[
    Annotated[Name, NAME]
    | Annotated[Annotated[Items[Name], NOT_EMPTY], LIST]
    | Annotated[PrincipalSpec, MAPPING],
    SHAPE,
]


class RequestSpec(Spec):
    """A request, sent as it stands here."""

    path: Text = needed("The path and the query, or any other request target.")
    method: Text = optional("The method.", "GET")
    host: Text = optional("The Host, with a port if need be.", "localhost")
    headers: dict[str, Values] = optional("Fields; a list stands for several lines of one name.", {})
    body: str | None = optional("The body, as text.")
    json_: Any = optional("The body, as JSON; with its `Content-Type` unless that is said.", alias="json")
    client: Text = optional("The address of the connection: a stranger's unless it is said.", "192.0.2.1")
    listener: Count = optional("Which listener takes it, the first is 1.", 1)

    @model_validator(mode="after")
    def _one_body(self) -> "RequestSpec":
        if self.body is not None and self.json_ is not None:
            raise rule("expected one of body and json, got both")
        return self


class ExpectSpec(Spec):
    """What has to become of a request; what is not said is not looked at."""

    upstream: Name | None = optional("It passes, to this upstream.")
    status: StatusCode | None = optional("It is answered with this status, refused or not.")
    reason: ReasonWord | None = optional("It is refused with this reason.")
    policy: StepName | None = optional("The step that answers it, as `gateway explain` names them.")
    route: Text | None = optional("The route that it takes.")
    path: Text | None = optional("The path and the query that the backend sees.")
    reported: dict[Decider, ReasonWord] = optional("What policies on trial would refuse it with.", {})
    upstream_fields: dict[FieldName, Expected] = optional(
        "Fields that the backend sees: a value, `true` for any, `false` for none.", {}
    )
    response_fields: dict[FieldName, Expected] = optional(
        "Fields that the client gets, the same way. Of a request that passes `false` means that the field "
        "would not come through from the backend either.",
        {},
    )

    @model_validator(mode="after")
    def _says_what_becomes_of_it(self) -> "ExpectSpec":
        is_refused = self.status is not None or self.reason is not None
        if self.upstream is not None and is_refused:
            raise rule("expected upstream, or status and reason: it passes, or it does not")
        if self.upstream is None and not is_refused:
            raise rule("expected upstream, status or reason: what becomes of the request")
        if self.upstream is None and (self.path is not None or self.upstream_fields):
            raise rule("expected path and upstream_fields beside upstream only")
        return self


class StepSpec(Spec):
    """One request of several in a row, or a while that passes between them."""

    advance: Duration | None = optional("How much time passes first.")
    as_: Who | None = optional(
        "Who asks: a name of `principals`, or one in place. A list asks once for each. Absent: nobody.",
        alias="as",
    )
    token: Annotated[Text | None, UNSEEN] = optional("A bearer token instead, which is really verified.")
    request: RequestSpec | None = optional("The request.")
    times: Count = optional("How often it is sent; each has to come to the same.", 1)
    stays: Flag = optional("Whether it is under way until the case ends, as an upload is.", False)
    expect: ExpectSpec | None = optional("What has to become of it.")

    @model_validator(mode="after")
    def _is_whole(self) -> "StepSpec":
        if (self.request is None) != (self.expect is None):
            raise rule("expected request and expect together")
        if self.as_ is not None and self.token is not None:
            raise rule("expected one of as and token, got both")
        return self


def _says_something(steps: tuple[StepSpec, ...]) -> tuple[StepSpec, ...]:
    if not any(step.request is not None for step in steps):
        raise rule("expected at least one step with a request")
    if any(step.request is None and step.advance is None for step in steps):
        raise rule("expected a request or advance in each step")
    return steps


class CaseSpec(StepSpec):
    """One request, or several in a row; every case begins with full buckets."""

    name: Text = needed("What it shows, as a sentence; unique in its file.")
    steps: Annotated[Items[StepSpec], AfterValidator(_says_something)] | None = optional(
        "Requests in a row on one clock. What `as` or `token` says holds for those that do not say it."
    )

    @model_validator(mode="after")
    def _is_one_or_several(self) -> "CaseSpec":
        if (self.request is None) == (self.steps is None):
            raise rule("expected one of request and steps")
        if self.steps is not None and {"advance", "times", "stays"} & self.model_fields_set:
            raise rule("expected advance, times and stays in the steps")
        return self


class CasesSpec(Spec):
    """One file of cases."""

    now: Moment = optional("What time it is when a case begins.", "2026-01-01T00:00:00Z")
    principals: dict[Name, PrincipalSpec] = optional("Who asks, by name.", {})
    cases: Items[CaseSpec] = needed("The cases.")
