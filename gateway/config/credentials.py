"""Keys, users, certificates and services: what is wrong with them beyond their shape, and their methods."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import final

from gateway.config.names import ANY, BUILT_IN_AUTH, at
from gateway.config.problem import Path, Problem
from gateway.config.schema.credentials import ApiKeysFile, ApiKeySpec, UsersFile, UserSpec
from gateway.config.schema.gateway import GatewaySpec
from gateway.config.schema.identity import ApiKeysSpec, BasicUsersSpec, CertificatesSpec, ForwardAuthSpec
from gateway.config.tree import Tree
from gateway.http.fields import REQUEST_FIELDS
from gateway.policy import Principal, api_key, basic, credential
from gateway.policy.api_key import ApiKey, ApiKeys
from gateway.policy.authn import Identity, Method
from gateway.policy.basic import Basic, User
from gateway.policy.forward_auth import ForwardAuth
from gateway.policy.identity_fields import identity_fields
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Ports
from gateway.policy.questions import Service

API_KEY, BASIC, MTLS = api_key.METHOD, basic.METHOD, "mtls"
# The section of gateway.yaml that a method needs.
_SECTIONS = {API_KEY: "api_keys", BASIC: "basic_users", MTLS: "certificates"}
_CALLERS: tuple[Path, ...] = (("defaults", "auth"), ("routes", ANY, "auth"))
_SECONDS_AT_MOST = 10.0


@final
@dataclass(frozen=True, slots=True)
class Credentials:
    """What stands in the files that `api_keys` and `basic_users` name."""

    keys: tuple[ApiKeySpec, ...] = ()
    users: tuple[UserSpec, ...] = ()


def problems(trees: Sequence[Tree]) -> Iterator[Problem]:
    """Methods without their section, and services whose name means something else.

    The first of `trees` is that of gateway.yaml.
    """
    gateway = trees[0]
    for tree in trees:
        for path, name in _called(tree):
            section = _SECTIONS.get(name) if isinstance(name, str) else None
            if section is not None and gateway.at((section,)) is None:
                yield tree.problem(path, f'expected the section "{section}" in gateway.yaml for {name}')
    for path, _ in at(gateway, ("forward_auth", ANY)):
        if path[-1] in BUILT_IN_AUTH:
            yield gateway.key_problem(path, f'expected another name, "{path[-1]}" means something in auth')


def beyond(tree: Tree, gateway: GatewaySpec) -> Iterator[Problem]:
    """What is wrong with the sections of a sound gateway.yaml."""
    if gateway.api_keys is not None and REQUEST_FIELDS[gateway.api_keys.header.encode()] is not None:
        # Noted for somebody else, or, spelled with `_` or `.`, never let through.
        yield tree.problem(("api_keys", "header"), "expected a field that holds nothing but keys")
    if gateway.certificates is not None and not any(
        one.tls and one.tls.client_ca for one in gateway.listeners
    ):
        yield tree.problem(("certificates",), "expected a listener with client_ca, which asks for them")
    for name, spec in gateway.forward_auth.items():
        for place, message in _service(spec):
            yield tree.problem(("forward_auth", name, *place), message)


def _called(tree: Tree) -> Iterator[tuple[Path, object]]:
    for caller in _CALLERS:
        yield from at(tree, caller)
        yield from at(tree, (*caller, ANY))


def _service(spec: ForwardAuthSpec) -> Iterator[tuple[Path, str]]:
    if not KeySource("", insecure=spec.insecure_http).admits(spec.url):
        yield ("url",), "expected a plain https URL: beyond loopback, http needs `insecure_http: true`"
    for number, field in enumerate(spec.copy_):
        # What some backends take for `X-Auth-Subject` only we may say.
        if re.sub("[^a-z0-9]", "-", field.lower()).startswith("x-auth-"):
            yield ("copy", number), "expected a field that nobody takes for one of ours"
    if spec.timeout > _SECONDS_AT_MOST:
        yield ("timeout",), "expected at most 10s"


def untellable(tree: Tree, file: ApiKeysFile | UsersFile | None) -> Iterator[Problem]:
    """Keys and users of whom no backend could be told."""
    if file is None:
        return
    section = "keys" if isinstance(file, ApiKeysFile) else "users"
    specs: tuple[ApiKeySpec | UserSpec, ...] = file.keys if isinstance(file, ApiKeysFile) else file.users
    for number, spec in enumerate(specs):
        try:
            _identity(spec)
        except ValueError:
            message = "expected names without control characters, and less than 4 KiB of them"
            yield tree.problem((section, number), message)


def api_keys(gateway: GatewaySpec, spec: ApiKeysSpec, keys: Sequence[ApiKeySpec], ports: Ports) -> Method:
    """The method `api_key`."""
    field = spec.header.lower().encode()
    return ApiKeys(
        map(_key, keys),
        field,
        () if spec.forward else (credential.Field(field),),
        api_key.challenge(gateway.name, spec.header),
        ports.wall,
    )


def users(gateway: GatewaySpec, spec: BasicUsersSpec, users: Sequence[UserSpec], ports: Ports) -> Method:
    """The method `basic`."""
    return Basic(
        [User(user.name, user.hash, _identity(user), user.disabled) for user in users],
        gateway.name,
        () if spec.forward else (credential.Authorization(),),
        verifier=ports.verifier,
        monotonic=ports.monotonic,
    )


def certificates(gateway: GatewaySpec, spec: CertificatesSpec, ports: Ports) -> Method:
    """The method `mtls`."""
    # A tenth of a second, which `gateway healthcheck` does not have.
    from gateway.policy.certificate import Certificates

    roles = {subject: frozenset(roles) for subject, roles in spec.roles.items()}
    return Certificates(spec.subject, roles, gateway.name, ports.wall)


def service(name: str, spec: ForwardAuthSpec, ports: Ports) -> ForwardAuth:
    """The method of a service."""
    hidden = [field.lower().encode() for field in spec.copy_]
    hidden += [] if spec.forward else [credential.AUTHORIZATION]
    return ForwardAuth(
        name,
        Service(spec.url, spec.timeout),
        copy=tuple(field.encode() for field in spec.copy_),
        subject=spec.subject.lower().encode() if spec.subject else None,
        places=tuple(map(credential.Field, hidden)),
        verifier=ports.verifier,
    )


def _key(spec: ApiKeySpec) -> ApiKey:
    return ApiKey(
        id=spec.id,
        digest=bytes.fromhex(spec.sha256),
        identity=_identity(spec),
        not_before=-inf if spec.not_before is None else spec.not_before,
        expires=inf if spec.expires is None else spec.expires,
        disabled=spec.disabled,
    )


def _identity(spec: ApiKeySpec | UserSpec) -> Identity:
    """The identity that a key or a user stands for. Raises ValueError where no backend can be told of it."""
    if isinstance(spec, ApiKeySpec):
        subject, method, expires = spec.principal, API_KEY, spec.expires
    else:
        subject, method, expires = spec.name, BASIC, None
    roles, scopes = frozenset(spec.roles), frozenset(spec.scopes)
    principal = Principal(subject, method, roles, scopes, expires=expires, tier=spec.tier)
    return Identity(principal, identity_fields(principal))
