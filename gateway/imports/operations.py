"""The operations of a document, each as a route would have it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final
from urllib.parse import urlsplit

from gateway.imports.paths import pattern
from gateway.imports.security import Demand, Security, UnmappedError
from gateway.imports.wording import name, unique
from gateway.policy.references import target

_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
_REFERENCES_AT_MOST: Final = 100


@final
@dataclass(slots=True)
class Operation:
    """One operation: `where` names it as the document does; `path` is that of a match, empty without one.

    `demand` is None where no route can ask for what the document asks for; `is_silent` says that neither the
    operation nor the document asks for anything. `notes` are what was not taken over.
    """

    where: str
    method: str
    path: str
    id: str
    summary: str
    demand: Demand | None
    is_silent: bool
    notes: list[str]

    @property
    def is_closed(self) -> bool:
        """Whether it has to be kept from everybody."""
        return self.demand is None


@final
@dataclass(frozen=True, slots=True)
class Api:
    """What of a document becomes routes; `notes` are about all of it, `base` is in front of every path."""

    title: str
    server: str
    base: str
    operations: tuple[Operation, ...]
    notes: tuple[str, ...]


def api(document: Mapping[str, Any], security: Security, is_validated: bool) -> Api:
    """The operations of a document whose references all lead somewhere in it.

    `is_validated` says that paths which take more than the document's are narrowed by `validate`.
    """
    server, base, notes = _servers(document)
    reader = _Reader(document, security, base, is_validated)
    operations = list(reader.operations())
    _part(operations)
    silent = sum(each.is_silent for each in operations)
    if silent:
        notes.append(f"open to everybody, as nothing is said of security: {_count(silent, 'operation')}")
    hooks = document.get("webhooks")
    if isinstance(hooks, dict) and hooks:
        notes.append(
            f"{_count(len(hooks), 'webhook')}: the service sends them, so they do not come through here"
        )
    info = document.get("info")
    said = info if isinstance(info, dict) else {}
    title = f"{said.get('title', 'no title')} {said.get('version', '')}".strip()
    return Api(title, server, base, tuple(operations), (*notes, *reader.notes))


def _servers(document: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    """The first server, the path that it puts in front of all others, and what is said of the rest."""
    servers = document.get("servers")
    urls = [url for each in servers if (url := _url(each))] if isinstance(servers, list) else []
    if not urls:
        return "", "", []
    notes = [f"another server, whose paths have no routes: {url}" for url in urls[1:]]
    host = urlsplit(urls[0]).netloc
    if host:
        notes.append(f"the host {host}: routes hold for every host, unless their match names one")
    return urls[0], urlsplit(urls[0]).path.rstrip("/"), notes


def _url(server: object) -> str:
    if not isinstance(server, dict) or not isinstance(server.get("url"), str):
        return ""
    url: str = server["url"]
    variables = server.get("variables")
    for key, variable in variables.items() if isinstance(variables, dict) else ():
        if isinstance(variable, dict) and isinstance(variable.get("default"), str):
            url = url.replace(f"{{{key}}}", variable["default"])
    try:
        urlsplit(url)
    except ValueError:
        return ""
    return url


@final
class _Reader:
    """Reads one document; `notes` are about what is no operation."""

    def __init__(
        self, document: Mapping[str, Any], security: Security, base: str, is_validated: bool
    ) -> None:
        self.notes: list[str] = []
        self._document = document
        self._security = security
        self._base = base
        self._is_validated = is_validated
        self._ids: set[str] = set()

    def operations(self) -> Iterator[Operation]:
        paths = self._document.get("paths")
        for path, said in paths.items() if isinstance(paths, dict) else ():
            if path.startswith("x-"):
                continue
            item = self._followed(said)
            if item is None:
                self.notes.append(f"{path}: expected an object, or a reference to one")
                continue
            for method in _METHODS:
                if isinstance(item.get(method), dict):
                    yield self._operation(path, method, item, item[method])

    def _operation(
        self, path: str, method: str, item: Mapping[str, Any], said: Mapping[str, Any]
    ) -> Operation:
        where = f"{method.upper()} {path}"
        notes = ["deprecated"] if said.get("deprecated") is True else []
        notes += [f"{key}: not taken over" for key in ("servers", "callbacks") if key in said or key in item]
        demand, unmapped = self._demand(said)
        matched, refused = self._path(path, method)
        named = said.get("operationId")
        wanted = name(str(named), "") if isinstance(named, str) else ""
        if isinstance(named, str) and wanted != named:
            notes.append(f"operationId: {named}")
        return Operation(
            where=where,
            method=method.upper(),
            path=matched,
            id=unique(wanted or name(f"{method}{path}", method), self._ids),
            summary=str(said.get("summary", "")),
            demand=demand,
            is_silent="security" not in said and "security" not in self._document,
            notes=[*notes, *unmapped, *refused, *(demand.notes if demand is not None else ())],
        )

    def _demand(self, said: Mapping[str, Any]) -> tuple[Demand | None, list[str]]:
        try:
            return self._security.demand(said.get("security", self._document.get("security", []))), []
        except UnmappedError as error:
            return None, [f"closed: {error}"]

    def _path(self, path: str, method: str) -> tuple[str, list[str]]:
        if method == "trace":
            return "", ["TRACE is refused everywhere (405)"]
        try:
            made, is_wider = pattern(self._base + path)
        except ValueError as error:
            return "", [f"no route: {error}"]
        if not is_wider:
            return made, []
        if not self._is_validated:
            return "", ["no route: it would take more paths than the document has, and nothing is validated"]
        return made, ["the route takes more paths than this; `validate` answers them with 404"]

    def _followed(self, node: object) -> Mapping[str, Any] | None:
        for _ in range(_REFERENCES_AT_MOST):
            if not isinstance(node, dict):
                return None
            if not isinstance(node.get("$ref"), str):
                return node
            _, node = target(self._document, node["$ref"])
        return None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _part(operations: list[Operation]) -> None:
    """Of operations that no route tells apart the first has the route; no demand is made less by that."""
    places: dict[tuple[str, str], list[Operation]] = {}
    for each in operations:
        if each.path:
            shape = "/".join(["{}" if part.startswith("{") else part for part in each.path.split("/")])
            places.setdefault((each.method, shape), []).append(each)
    for first, *others in places.values():
        for other in others:
            if other.demand != first.demand:
                first.demand = None
                first.notes.append(f"closed: {other.where} takes its requests and asks for others")
            other.path = ""
            other.notes.append(f"no route of its own: {first.where} takes its requests")
