"""`validate` of a route -> the policies that it means."""

from collections.abc import Iterator
from typing import final

from gateway.config.documents import Documents
from gateway.config.schema.routes import ValidateSpec
from gateway.policy import Exchange, Policy
from gateway.policy.content import JsonContent
from gateway.policy.validate import DeclaredContent, Described, QueryParameters, WholeBody
from gateway.routing import Forward

_LOOKED_AT_USUALLY = 64 * 1024
_JSON = "application/json"


def looked_at(spec: ValidateSpec, limit: int) -> int:
    """The largest body in bytes that passes a validation, where `limit` holds without it."""
    if spec.max_body is not None:
        return spec.max_body
    is_read = spec.schema_ is not None or spec.openapi is not None
    return min(limit, _LOOKED_AT_USUALLY) if is_read else limit


@final
class Validation:
    """One `validate` that was said at `source`, on a route to `target` with bodies of up to `limit` bytes."""

    def __init__(
        self, spec: ValidateSpec, documents: Documents, source: str, limit: int, target: Forward
    ) -> None:
        self._spec = spec
        self._documents = documents
        self._source = source
        self._limit = looked_at(spec, limit)
        self._target = target

    def of_head(self) -> Iterator[Policy]:
        """What judges the head, early."""
        spec = self._spec
        types = spec.content_types or ((_JSON,) if spec.schema_ is not None else ())
        if types or spec.openapi is not None or spec.max_body is not None:
            names = (name.encode() for name in types)
            yield DeclaredContent(names, self._limit, self._source)

    def of_message(self) -> Iterator[Policy]:
        """What judges the parameters and then the body, last."""
        spec, documents, source = self._spec, self._documents, self._source
        if spec.query is not None:
            yield QueryParameters(*documents.query(source, spec.query), source)
        if spec.schema_ is not None:
            yield WholeBody(JsonContent(documents.schema(source, spec.schema_)), self._limit, source)
        if spec.openapi is not None:
            api = documents.api(source, spec.openapi, spec.unknown_query)
            yield Described(api, self._path, self._limit, source)

    def _path(self, exchange: Exchange) -> bytes:
        return self._target.path(exchange.request, exchange.captures)
