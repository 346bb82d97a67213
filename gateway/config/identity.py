"""Who asks: from the words of `auth` to the policy of a route.

A method is made once, whoever names it, and so is the policy of one `auth` in one place: what it has learned
is shared by its routes.
"""

from typing import final

from gateway.config import credentials, issuers
from gateway.config.credentials import Credentials
from gateway.config.schema.gateway import GatewaySpec
from gateway.http.reply import Reply
from gateway.policy.authn import Authentication, Method, demand
from gateway.policy.forward_auth import ForwardAuth, Prompted
from gateway.policy.introspected import IntrospectedTokens
from gateway.policy.ports import Ports
from gateway.policy.token import Selected, Tokens

PUBLIC = "public"


@final
class Authentications:
    """The policies of all routes; methods and policies are made when they are first asked for."""

    def __init__(self, gateway: GatewaySpec, credentials: Credentials, ports: Ports) -> None:
        self._gateway = gateway
        self._credentials = credentials
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
        return demand(self._chosen((said,) if isinstance(said, str) else said))

    def _policy(self, names: tuple[str, ...], source: str) -> Authentication:
        methods = self._chosen(names)
        return Authentication(methods, None if PUBLIC in names else demand(methods), source)

    def _chosen(self, names: tuple[str, ...]) -> tuple[Method, ...]:
        return _apart([self._method(name) for name in names if name != PUBLIC], PUBLIC in names)

    def _method(self, name: str) -> Method:
        if name not in self._methods:
            self._methods[name] = self._made(name)
        return self._methods[name]

    def _made(self, name: str) -> Method:
        gateway, listed = self._gateway, self._credentials
        if name == credentials.API_KEY and gateway.api_keys is not None:
            return credentials.api_keys(gateway, gateway.api_keys, listed.keys, self._ports)
        if name == credentials.BASIC and gateway.basic_users is not None:
            return credentials.users(gateway, gateway.basic_users, listed.users, self._ports)
        if name == credentials.MTLS and gateway.certificates is not None:
            return credentials.certificates(gateway, gateway.certificates, self._ports)
        if name in gateway.forward_auth:
            return credentials.service(name, gateway.forward_auth[name], self._ports)
        return issuers.tokens(name, gateway.issuers[name], gateway.name, self._ports)


def _apart(methods: list[Method], is_optional: bool) -> tuple[Method, ...]:
    """The same, but each leaves to those behind it, or to nobody, what is not its own."""
    chosen: list[Method] = []
    others: tuple[Tokens | IntrospectedTokens, ...] = ()
    for method in reversed(methods):
        if isinstance(method, Tokens) and others:
            chosen.append(Selected(method, others))
        elif isinstance(method, ForwardAuth) and (chosen or is_optional):
            chosen.append(Prompted(method))
        else:
            chosen.append(method)
        if isinstance(method, Tokens | IntrospectedTokens):
            others = (method, *others)
    return tuple(reversed(chosen))
