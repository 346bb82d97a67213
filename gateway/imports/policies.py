"""The file of policies that is written, with what gateway.yaml needs beside it as a comment at its head."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from gateway.imports.operations import Api, Operation
from gateway.imports.security import Demand, Needs
from gateway.imports.wording import comment, flow, scalar

_PUBLIC: Final = "public"
_CLOSED: Final = "This operation is not open yet."
KEYS, USERS = "api-keys.yaml", "users.yaml"


@final
@dataclass(frozen=True, slots=True)
class Target:
    """What a file is for: the name and the URL of its upstream, its prefix, and the document's own name.

    `problems` are why the document cannot be validated by; then it is not.
    """

    upstream: str
    url: str
    prefix: str
    document: str
    problems: tuple[str, ...] = ()


def policies(api: Api, needs: Needs, target: Target) -> str:
    """The text of the file."""
    usual = _usual(api)
    lines = [*_head(api, needs, target), *_defaults(target, usual), "", "routes:"]
    routes = [_route(each, usual) for each in api.operations]
    lines += [line for route in routes for line in (*route, "")][:-1]
    if not any(each.path for each in api.operations):
        lines[-1 if not routes else lines.index("routes:")] = "routes: []"
    return "".join([f"{line}\n" for line in lines])


def sections(needs: Needs) -> list[str]:
    """The sections of gateway.yaml that the routes ask for."""
    lines = ["issuers:"] if needs.issuers else []
    for name, url in needs.issuers.items():
        lines += [
            f"  {scalar(name)}:",
            f"    issuer: {scalar(url)} # fill in: the `iss` of its tokens; until then nobody has one",
            "    discovery: true",
            f"    audience: [{scalar(name)}] # fill in: the `aud` of tokens that are meant for this service",
        ]
    if needs.key_header:
        header = scalar(needs.key_header)
        lines.append(f"api_keys: {{file: {KEYS}, header: {header}}} # `gateway api-key` makes entries")
    if needs.basic:
        lines.append(f"basic_users: {{file: {USERS}}} # `gateway password` makes entries")
    return lines


def notes(api: Api, target: Target) -> list[str]:
    """Whatever was not taken over, each with where it stands."""
    told = [*target.problems, *api.notes]
    return [*told, *[f"{each.where}: {note}" for each in api.operations for note in each.notes]]


def _usual(api: Api) -> tuple[str, ...] | None:
    """The `auth` that most routes have, if it asks for something; public is said by each route itself."""
    said = [each.demand.auth for each in api.operations if each.demand and each.demand.auth != (_PUBLIC,)]
    return max(dict.fromkeys(said), key=said.count, default=None)


def _head(api: Api, needs: Needs, target: Target) -> Iterator[str]:
    yield "# yaml-language-server: $schema=policies.schema.json"
    yield ""
    yield f"# {comment(api.title)}, from {comment(target.document)}, by `gateway import openapi`. Yours now."
    needed = ["upstreams:", f"  {target.upstream}: {{endpoints: [{scalar(target.url)}]}}", *sections(needs)]
    yield "#"
    yield "# It needs in gateway.yaml:"
    yield "#"
    yield from [f"#   {line}" for line in needed]
    told = [*target.problems, *api.notes]
    if told:
        yield "#"
        yield "# Not taken over:"
        yield "#"
        yield from [f"# - {comment(note)}" for note in told]
    yield ""


def _defaults(target: Target, usual: tuple[str, ...] | None) -> Iterator[str]:
    yield "defaults:"
    yield f"  upstream: {target.upstream}"
    if target.prefix:
        yield f"  prefix: {scalar(target.prefix)}"
    if usual is not None:
        yield f"  auth: {_auth(usual)}"
    if not target.problems:
        yield "  # What the document does not have is answered 404, what is not as it says 400 or 422."
        yield f"  validate: {{openapi: {scalar(target.document)}}}"


def _route(operation: Operation, usual: tuple[str, ...] | None) -> list[str]:
    lines = [f"  # {comment(operation.summary)}"] if operation.summary else []
    if not operation.path:
        lines.append(f"  # {comment(operation.where)}")
    lines += [f"  # - {comment(note)}" for note in operation.notes]
    if not operation.path:
        return lines
    match = f"{{path: {scalar(operation.path)}, methods: [{operation.method}]}}"
    lines += [f"  - id: {scalar(operation.id)}", f"    match: {match}"]
    if operation.demand is None:
        return [*lines, "    auth: public", f"    respond: {{status: 501, body: {scalar(_CLOSED)}}}"]
    return [*lines, *_demands(operation.demand, usual)]


def _demands(demand: Demand, usual: tuple[str, ...] | None) -> Iterator[str]:
    if demand.auth == (_PUBLIC,):
        yield "    auth: public # the document asks nobody who he is"
    elif demand.auth != usual:
        yield f"    auth: {_auth(demand.auth)}"
    if demand.scopes:
        yield f"    allow: {{scopes: {flow(list(demand.scopes))}}}"


def _auth(methods: tuple[str, ...]) -> str:
    return scalar(methods[0]) if len(methods) == 1 else flow(list(methods))
