"""What a request has to look like.

`DeclaredContent` judges what the head says of the body, before any of it is read and before anything dear is
asked. The others come last, when everybody else has agreed: they judge parameters, and only then ask for the
body.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, final

from gateway.http.media_type import media_type
from gateway.http.reply import Reply, problem
from gateway.http.request import Request
from gateway.policy import Exchange, Reason, Verdict
from gateway.policy.content import Content
from gateway.policy.guard import TOO_LARGE
from gateway.policy.json_schema import Schema, Violation
from gateway.policy.openapi import Api, Inputs, Operation
from gateway.policy.parameters import Parameters, pairs

# Spellings of Content-Type remembered per route; when they are more, all are forgotten.
_LEARNED_AT_MOST = 1024
_LEARNED_LENGTH = 128

# Methods whose requests do without a body (RFC 9110 9.3).
_BODILESS = frozenset([b"GET", b"HEAD", b"DELETE", b"OPTIONS"])

# RFC 9110 15.5.16: "the Accept-Encoding response header field ought to be used".
_ENCODED = problem(
    415,
    Reason.UNSUPPORTED_ENCODING,
    "The body must not be encoded.",
    (b"Accept-Encoding", b"identity"),
)
_MISSING = problem(400, Reason.MISSING_BODY, "A body is needed here.")
_QUERY = problem(400, Reason.INVALID_QUERY, "The query could be read in more than one way.")
_PARAMETERS = problem(400, Reason.INVALID_PARAMETER, "A parameter could be read in more than one way.")
_UNKNOWN = problem(404, Reason.UNKNOWN_OPERATION, "The service does not have this operation.")


@final
class DeclaredContent:
    """Refuses a body by what the head says of it: its size, its coding, its media type.

    Without `types` any media type passes. A body must have one of them, and a text of it must be UTF-8.
    """

    __slots__ = ("_learned", "_limit", "_types", "_unsupported", "source")

    name: Final = "validate"

    def __init__(self, types: Iterable[bytes], limit: int, source: str) -> None:
        self.source = source
        self._limit = limit
        self._types = frozenset(types)
        self._learned: dict[bytes, bool] = {}
        self._unsupported = problem(
            415,
            Reason.UNSUPPORTED_MEDIA_TYPE,
            "A body of this media type is not taken here.",
            # RFC 9110 15.5.16: "the Accept response header field can be used to indicate which media types".
            (b"Accept", b", ".join(sorted(self._types))),
        )

    def __call__(self, exchange: Exchange) -> Reply | None:
        """413 `body_too_large`, 415 `unsupported_encoding` or `unsupported_media_type`, or None."""
        request = exchange.request
        if not request.length:
            return None
        if request.length > self._limit:
            return TOO_LARGE
        noted = request.noted
        if b"content-encoding" in noted and noted[b"content-encoding"].lower() != b"identity":
            return _ENCODED
        if self._types and not self._is_listed(noted.get(b"content-type", b"")):
            return self._unsupported
        return None

    def _is_listed(self, value: bytes) -> bool:
        known = self._learned.get(value)
        if known is None:
            known = media_type(value) in self._types
            if len(value) <= _LEARNED_LENGTH:
                if len(self._learned) >= _LEARNED_AT_MOST:
                    self._learned.clear()
                self._learned[value] = known
        return known


@final
class QueryParameters:
    """The query, read as an object that a schema judges."""

    __slots__ = ("_parameters", "_schema", "source")

    name: Final = "validate"

    def __init__(self, parameters: Parameters, schema: Schema, source: str) -> None:
        self._parameters = parameters
        self._schema = schema
        self.source = source

    def __call__(self, exchange: Exchange) -> Reply | None:
        """400 `invalid_query`, or None."""
        try:
            value = self._parameters.values(pairs(exchange.request.query[1:]))
        except ValueError:
            return _QUERY
        if self._schema.admits(value):
            return None
        violations = self._schema.violations(value, len(value))
        return _invalid(Reason.INVALID_QUERY, [(("query", *path), detail) for path, detail in violations])


@final
class WholeBody:
    """The body, read as `content` has it; a request whose method needs one must have one."""

    __slots__ = ("_content", "_limit", "source")

    name: Final = "validate"

    def __init__(self, content: Content, limit: int, source: str) -> None:
        self._content = content
        self._limit = limit
        self.source = source

    def __call__(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        """400 `missing_body` or `malformed_body`, 413 `body_too_large`, 422 `invalid_body`, or None."""
        request = exchange.request
        required = request.method not in _BODILESS
        if not request.length:
            return _MISSING if required else None
        return _judged(exchange, self._limit, self._content, required)


@final
class Described:
    """The operation of an OpenAPI document that a request is, at the path that the backend sees."""

    __slots__ = ("_api", "_limit", "_path", "source")

    name: Final = "validate"

    def __init__(
        self, api: Api[Operation], path: Callable[[Exchange], bytes], limit: int, source: str
    ) -> None:
        self._api = api
        self._path = path
        self._limit = limit
        self.source = source

    def __call__(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        """404 `unknown_operation`, 400 `invalid_parameter`, or what there is to say of the body."""
        request = exchange.request
        found = self._api.find(request.method, self._path(exchange))
        if found is None:
            return _UNKNOWN
        operation, captures = found
        if operation.inputs is not None:
            refusal = _judged_inputs(operation.inputs, request, captures)
            if refusal is not None:
                return refusal
        if not request.length:
            return _MISSING if operation.required else None
        try:
            content = operation.content(media_type(request.noted.get(b"content-type", b"")) or b"")
        except KeyError:
            return operation.unsupported
        if content is None:
            return None
        return _judged(exchange, self._limit, content, operation.required)


def _judged(exchange: Exchange, limit: int, content: Content, required: bool) -> Verdict | Awaitable[Verdict]:
    body = exchange.body.read(limit)
    if body is None or isinstance(body, bytes):
        return _verdict(body, content, required)
    return _waited(body, content, required)


async def _waited(body: Awaitable[bytes | None], content: Content, required: bool) -> Verdict:
    return _verdict(await body, content, required)


def _verdict(body: bytes | None, content: Content, required: bool) -> Verdict:
    if body is None:
        return TOO_LARGE
    if not body:
        # A chunked body may turn out to be none.
        return _MISSING if required else None
    return content.judge(body)


def _judged_inputs(inputs: Inputs, request: Request, captures: Mapping[str, bytes]) -> Reply | None:
    try:
        value = inputs.read(request, captures)
    except ValueError:
        return _PARAMETERS
    if inputs.schema.admits(value):
        return None
    violations = inputs.schema.violations(value, sum(map(len, value.values())))
    return _invalid(Reason.INVALID_PARAMETER, violations)


def _invalid(reason: Reason, violations: Iterable[Violation]) -> Reply:
    """400: the target and the fields are no content, so that it is not 422."""
    errors: list[Mapping[str, str]] = []
    for path, detail in violations:
        place, *names = map(str, path)
        errors.append({"in": place, **({"parameter": names[0]} if names else {}), "detail": detail})
    return problem(400, reason, "A parameter does not have the expected form.", extensions={"errors": errors})
