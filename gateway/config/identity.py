"""Who asks: from the words of `auth` to the policy of a route.

A method is made once, whoever names it, and so is the policy of one `auth` in one place: what it has learned
is shared by its routes.
"""

from typing import final

from gateway.config import issuers
from gateway.config.schema.gateway import GatewaySpec
from gateway.http.reply import Reply
from gateway.policy.authn import Authentication, Method, demand
from gateway.policy.ports import Ports
from gateway.policy.token import Selected, Tokens

PUBLIC = "public"


@final
class Authentications:
    """The policies of all routes; methods and policies are made when they are first asked for."""

    def __init__(self, gateway: GatewaySpec, ports: Ports) -> None:
        self._gateway = gateway
        self._ports = ports
        self._methods: dict[str, Method] = {}
        self._policies: dict[tuple[tuple[str, ...], str], Authentication] = {}

    def policy(self, said: str | tuple[str, ...], source: str) -> Authentication | None:
        """The policy of an `auth` at `source`, None where everybody may ask."""
        names = (said,) if isinstance(said, str) else said
        if names == (PUBLIC,):
            return None
        key = names, source
        if key not in self._policies:
            self._policies[key] = self._policy(names, source)
        return self._policies[key]

    def demand(self, said: str | tuple[str, ...]) -> Reply:
        """The 401 that asks for credentials of any of the methods of an `auth`."""
        names = (said,) if isinstance(said, str) else said
        return demand([self._method(name) for name in names if name != PUBLIC])

    def _policy(self, names: tuple[str, ...], source: str) -> Authentication:
        methods = _apart([self._method(name) for name in names if name != PUBLIC])
        return Authentication(methods, None if PUBLIC in names else demand(methods), source)

    def _method(self, name: str) -> Method:
        if name not in self._methods:
            self._methods[name] = self._made(name)
        return self._methods[name]

    def _made(self, name: str) -> Method:
        gateway = self._gateway
        return issuers.tokens(name, gateway.issuers[name], gateway.name, self._ports)


def _apart(methods: list[Method]) -> tuple[Method, ...]:
    """The same, but issuers before others leave to them the tokens that are not theirs."""
    chosen: list[Method] = []
    others: tuple[Tokens, ...] = ()
    for method in reversed(methods):
        if isinstance(method, Tokens):
            chosen.append(Selected(method, others) if others else method)
            others = (method, *others)
        else:
            chosen.append(method)
    return tuple(reversed(chosen))
