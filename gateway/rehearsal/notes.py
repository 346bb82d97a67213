"""What a step has to say for itself, in a few words: made from what it left on the exchange."""

import json
from collections.abc import Callable, Mapping
from typing import Final, final

from gateway.http.reply import Reply
from gateway.http.request import Request
from gateway.policy import Exchange, Policy
from gateway.policy.tier import Standing
from gateway.policy.validate import DeclaredContent, Described, QueryParameters, WholeBody
from gateway.wire.request import CHUNKED


@final
class Before:
    """How much stood on an exchange before a step was asked."""

    __slots__ = ("fields", "quotas")

    def __init__(self, exchange: Exchange) -> None:
        self.fields = len(exchange.response_fields)
        self.quotas = len(exchange.quotas)


def note(policy: Policy, exchange: Exchange, before: Before) -> str:
    """What a policy did, beside letting the request pass; empty where there is nothing to tell."""
    say = _NOTES.get(policy.name)
    return say(exchange, before) if say is not None else _LOOKED_AT.get(type(policy), "")


def detail(reply: Reply) -> str:
    """What a refusal says to people, empty where it has no problem document."""
    text = reply.body.fill(b"0" * 32)
    return str(json.loads(text)["detail"]) if reply.reason is not None and text else ""


def who(exchange: Exchange) -> str:
    """The principal, as people read it."""
    principal = exchange.principal
    if principal is None:
        return "nobody, which is allowed here"
    parts = [principal.subject]
    parts += [f"roles {', '.join(sorted(principal.roles))}"] if principal.roles else []
    parts += [f"scopes {', '.join(sorted(principal.scopes))}"] if principal.scopes else []
    return f"{'; '.join(parts)}; by {principal.method}"


def size(request: Request) -> str:
    """How long the body says it is."""
    if request.length == CHUNKED:
        return "a chunked body, counted while it passes"
    return f"a body of {request.length} bytes" if request.length else "no body"


def _cors(exchange: Exchange, before: Before) -> str:
    origin = exchange.request.noted.get(b"origin")
    if origin is None:
        return "no Origin: not a script of another site"
    told = len(exchange.response_fields) > before.fields
    return f"{origin.decode('latin-1')} {'may read the answer' if told else 'is told nothing of its own'}"


def _quota(exchange: Exchange, before: Before) -> str:
    return ", ".join([_standing(each) for each in exchange.quotas[before.quotas :]])


def _standing(standing: Standing) -> str:
    tier, level, wait = standing
    if wait:
        return f"{tier.name} is used up"
    unit = " at once" if tier.concurrent else ""
    return f"{tier.name} has {tier.left(level)} of {tier.burst}{unit} left"


def _compress(exchange: Exchange, before: Before) -> str:
    coding = exchange.coding
    return f"the response as {coding.decode()}" if coding else "no coding that the client takes"


def _csrf(exchange: Exchange, before: Before) -> str:
    request = exchange.request
    noted = request.noted
    if request.method in _HARMLESS and b"upgrade" not in noted:
        return "a method that changes nothing"
    shown = b"cookie" in noted or b"authorization" in noted or request.certificate is not None
    return "no other site had it sent" if shown else "nothing that a browser sends by itself"


_HARMLESS: Final = frozenset([b"GET", b"HEAD", b"OPTIONS"])
_LOOKED_AT: Final[Mapping[type, str]] = {
    DeclaredContent: "the type and the size of the body",
    QueryParameters: "the query",
    WholeBody: "the body",
    Described: "the operation, its parameters and its body",
}
_NOTES: Final[Mapping[str, Callable[[Exchange, Before], str]]] = {
    "allow": lambda exchange, _: "all that is demanded holds",
    "auth": lambda exchange, _: who(exchange),
    "clients": lambda exchange, _: exchange.request.client,
    "compress": _compress,
    "cors": _cors,
    "csrf": _csrf,
    "limits": lambda exchange, _: size(exchange.request),
    "quota": _quota,
}
