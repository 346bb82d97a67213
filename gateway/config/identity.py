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
        """The 401 of an `auth` for who shows nothing."""
        return demand(self._methods_of((said,) if isinstance(said, str) else said))

    def _policy(self, names: tuple[str, ...], source: str) -> Authentication:
        methods = self._methods_of(names)
        return Authentication(methods, None if PUBLIC in names else demand(methods), source, self._until)

    def _methods_of(self, names: tuple[str, ...]) -> tuple[Method, ...]:
        """The methods in their order, each of which leaves to those behind it what is not its own."""
        methods = [self._method(name) for name in names if name != PUBLIC]
        return tuple(
            self._leaving(method, methods[number:], PUBLIC in names)
            for number, method in enumerate(methods, 1)
        )

    def _leaving(self, method: Method, others: list[Method], is_optional: bool) -> Method:
        if isinstance(method, Tokens) and any(isinstance(one, Tokens | IntrospectedTokens) for one in others):
            return Selected(method)
        if isinstance(method, ForwardAuth) and (others or is_optional):
            return Prompted(method)
        return method

    def _until(self, expires: float) -> float:
        """The moment of `Exchange.until` that so many seconds since 1970 are."""
        return self._ports.monotonic() + expires - self._ports.wall()

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
