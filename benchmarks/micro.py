"""`python -m benchmarks.micro`: functions that every request pays for, alone in a loop, in microseconds.

The best of many repeats: what the code costs when nobody disturbs it. System calls, cache misses and the
event loop are left out, so these numbers compare a function with itself, and not with a proxy.
"""

import json
import time
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from benchmarks.everything import ORIGIN, token
from benchmarks.peer import Site
from benchmarks.peers.gateway import GATEWAY
from gateway.config.load import load_snapshot
from gateway.http.edits import Block, Edits
from gateway.http.fields import REQUEST_FIELDS, sift
from gateway.http.reason import Reason
from gateway.http.reply import problem
from gateway.http.request import Request
from gateway.policy import Exchange, Pipeline, Policy, Principal
from gateway.policy.allow import Allow, Demand
from gateway.policy.bucket import Charge
from gateway.policy.condition import condition
from gateway.policy.content import JsonContent
from gateway.policy.cors import Cors, Terms
from gateway.policy.json_schema import compile_schema
from gateway.policy.partition import keys
from gateway.policy.quota import quota
from gateway.policy.standing import Standard
from gateway.policy.tier import rate
from gateway.policy.validate import WholeBody
from gateway.ports import LivePorts
from gateway.quota.memory import MemoryBuckets
from gateway.routing import Match, Route, Router
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.books import Books
from gateway.telemetry.context import Trace
from gateway.telemetry.decisions import Decisions
from gateway.telemetry.redaction import Redaction
from gateway.wire.clock import Clock

_REPEATS = 30
_CALLS = 2_000

_REQUEST = (
    b"Host: gateway.azora.example",
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    b"Accept: application/json",
    b"Accept-Language: en-US,en;q=0.5",
    b"Accept-Encoding: gzip, deflate, br",
    b"Origin: https://app.azora.example",
    b"Authorization: Bearer " + b"opaque" * 20,
    b"Connection: keep-alive",
)
_RESPONSE = (
    b"Server: nginx",
    b"Date: Mon, 02 Nov 2026 10:00:00 GMT",
    b"Content-Type: application/json",
    b"Content-Length: 200",
    b'ETag: "5f8a"',
)

_CONDITION = 'claims.org.id == "azora" and (path.id == subject or "admin" in roles)'


def microseconds(call: Callable[[], object]) -> float:
    """What one call takes: the best of the repeats."""
    timer = timeit.Timer(call)
    return min(timer.repeat(_REPEATS, _CALLS)) / _CALLS * 1e6


def calls() -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    fields = [(b"X-Azora-%d" % number, b"a value of usual length") for number in range(12)]
    edits = Edits(fields[:10], fields[10:], [b"server", b"x-powered-by"])
    return {
        "sift, 8 request fields": partial(sift, list(_REQUEST), REQUEST_FIELDS),
        "sift, 5 response fields": partial(sift, list(_RESPONSE), edits.table),
        "Edits.block, 12 fields of ours": partial(edits.block, 0, 200),
        "cors, an origin that is allowed": _permitting(),
        "validate, 300 bytes of JSON": _validation(),
        "Router.route, 10 routes": _routing(10),
        "Router.route, 10,000 routes": _routing(10_000),
        "allow, a known principal": _allowing(Demand((frozenset(["educator"]),), scopes=("read",))),
        "allow, a condition of usual size": _allowing(Demand(when=condition(_CONDITION, ("id",)))),
        "quota, one tier in memory": _counting("public"),
        "quota, two tiers in memory": _counting("public", "daily"),
        "access log, a line that is kept": _logging(b""),
        "access log, a line with a query": _logging(b"?page=2&sort=-created"),
        **_pipeline(),
    }


def _logging(query: bytes) -> Callable[[], object]:
    """Makes the line of a request that a backend answered, and puts it into the decision record."""
    clock = Clock()
    books = Books(clock, sample=0.01)
    request = _request(b"/area-7/items/42", user_agent=_REQUEST[1].partition(b": ")[2])
    request.query = query
    exchange = Exchange(request, b"0" * 32, (b"42",))
    exchange.principal = Principal("user-1", "azora-id", frozenset(["student", "educator"]))
    trace = Trace(b"1" * 32, b"2" * 16, b"", 0, b"", b"")
    passage = books.open(_route("micro"), exchange, trace, clock.now)
    books.attempt(passage, b"127.0.0.1:4001")
    passage.asked = clock.now + 0.0001
    passage.answered = clock.now + 0.0021
    passage.status, passage.sent = 200, 200
    passage.version = "0123456789ab"
    log = AccessLog(passage.version, clock, Redaction(), None, Decisions(4096))
    if json.loads(log.line(passage, clock.now + 0.0025))["upstream_ms"] != 2:
        raise RuntimeError("the line is not as it should be")
    return partial(log.close, passage, clock.now + 0.0025)


def _pipeline() -> dict[str, Callable[[], object]]:
    """Each policy of the row `everything`, and all of them in their order, for a token that is known."""
    with TemporaryDirectory() as folder:
        site = Site(Path(folder), 1, 2, "everything", 3)
        *_, config = GATEWAY.configure(site)
        route = load_snapshot(Path(config), {}, LivePorts()).routes[7]
    origin, authorization = ORIGIN.encode(), f"Bearer {token()}".encode()
    exchange = Exchange(
        _request(b"/area-7/items/42", origin=origin, authorization=authorization), b"0" * 32, (b"42",)
    )
    policies = route.pipeline.policies

    def ask(asked: tuple[Policy, ...]) -> None:
        exchange.response_fields = exchange.upstream_fields = exchange.hidden = exchange.quotas = ()
        for policy in asked:
            if policy(exchange) is not None:
                raise RuntimeError(f"{policy.name} refused the request")

    ask(policies)
    single = {f"of all policies, {policy.name}": partial(ask, (policy,)) for policy in policies}
    return {**single, "all policies, with a token that is known": partial(ask, policies)}


def _allowing(demand: Demand) -> Callable[[], object]:
    """Judges a principal that was judged before, and may pass."""
    exchange = Exchange(_request(b"/items/user-1"), b"0" * 32, (b"user-1",))
    exchange.principal = Principal(
        "user-1",
        "azora-id",
        frozenset(["student", "educator"]),
        frozenset(["read"]),
        {"sub": "user-1", "org": {"id": "azora"}},
    )
    allow: Policy = Allow(demand, "micro", problem(401, Reason.NO_CREDENTIALS, "Who asks?"))
    if allow(exchange) is not None:
        raise RuntimeError("the principal was refused")
    return partial(allow, exchange)


def _permitting() -> Callable[[], object]:
    """Notes what the response tells an origin that a pattern holds."""
    cors = Cors(Terms(("https://app.azora.example", "https://*.azora.example"), credentials=True), "micro")
    exchange = Exchange(_request(b"/", origin=b"https://forge.azora.example"), b"0" * 32, ())

    def ask() -> None:
        exchange.response_fields = ()
        cors(exchange)

    ask()
    if len(exchange.response_fields) != 3:
        raise RuntimeError("the origin is not allowed")
    return ask


def _counting(*names: str) -> Callable[[], object]:
    """Takes from buckets that are never empty."""
    tiers = [rate(name, 100_000_000, 60.0, 4_000) for name in names]
    charges = [Charge(tier, 1, keys(["address"], tier.id, "micro")) for tier in tiers]
    policy = quota(charges, MemoryBuckets(time.monotonic), Standard(), denies=False, source="micro")
    exchange = Exchange(_request(b"/"), b"0" * 32, ())

    def call() -> None:
        exchange.response_fields = exchange.quotas = ()
        if policy(exchange) is not None:
            raise RuntimeError("the bucket is empty")

    return call


def _validation() -> Callable[[], object]:
    """Judges a body of some 300 bytes that is here already, by a schema with ten keywords."""
    item = {"type": "object", "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}}}
    properties = {
        "user": {"type": "string", "pattern": "^user-[0-9]+$"},
        "amount": {"type": "integer", "minimum": 1},
        "currency": {"enum": ["ZAR", "USD"]},
        "items": {"type": "array", "items": item},
    }
    schema = compile_schema({"type": "object", "properties": properties, "required": ["user", "amount"]})
    items = [{"sku": f"poster-{number}", "count": number, "price": 19.5} for number in range(4)]
    value = {"user": "user-1", "amount": 4900, "currency": "ZAR", "items": items, "note": "A month" * 4}
    policy = WholeBody(JsonContent(schema), 4096, "micro")
    exchange = Exchange(_request(b"/charges", b"POST"), b"0" * 32, ())
    exchange.request.length = -1
    exchange.body = _Body(json.dumps(value).encode())
    if policy(exchange) is not None:
        raise RuntimeError("the body was refused")
    return partial(policy, exchange)


@final
class _Body:
    """A body that came with its head."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, limit: int) -> bytes:
        return self._content


def _routing(count: int) -> Callable[[], object]:
    """Finds the last of so many routes, each a template with one variable behind a literal of its own."""
    routes = [
        (Match(None, f"/area-{number}/items/{{id}}", ("GET",)), _route(str(number)))
        for number in range(count)
    ]
    router = Router(routes, _route("unmatched"), lambda _allowed: _route("refused"))
    path = b"/area-%d/items/7" % (count - 1)
    request = _request(path)
    route, captures = router.route(request)
    if (route.id, captures) != (str(count - 1), (b"7",)):
        raise RuntimeError(f"{path!r} took the route {route.id}")
    return partial(router.route, request)


def _request(path: bytes, method: bytes = b"GET", **noted: bytes) -> Request:
    return Request(
        method=method,
        authority=b"gateway.azora.example",
        path=path,
        query=b"",
        lines=[],
        noted={name.replace("_", "-").encode(): value for name, value in noted.items()},
        length=0,
        client="127.0.0.1",
        secure=False,
        forwarding=Block(()),
    )


def _route(name: str) -> Route:
    edits = Edits((), (), ())
    return Route(
        id=name,
        source="micro",
        pattern="",
        methods=("GET",),
        variables=("id",),
        upgrades=False,
        pipeline=Pipeline(()),
        edits=(edits, edits),
        body_limit=0,
        target=problem(404, Reason.NO_ROUTE, "Nothing is here."),
    )


if __name__ == "__main__":
    for name, call in calls().items():
        print(f"{microseconds(call):8.2f} us  {name}")
