"""Issuers: what is wrong with them beyond their shape, and the method that each becomes.

What could only ever refuse every token, or trust more than was meant, does not load.
"""

from collections.abc import Iterator, Mapping, Sequence

from gateway.config.names import ANY, BUILT_IN_AUTH, at
from gateway.config.problem import Path, Problem
from gateway.config.schema.identity import IntrospectionSpec, IssuerSpec, TokenSpec
from gateway.config.tree import Tree
from gateway.policy import credential
from gateway.policy.claims import Claims
from gateway.policy.introspected import IntrospectedTokens
from gateway.policy.jwk import SYMMETRIC, FixedKeys, KeySet, public_key, shared_key
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Keys, Ports
from gateway.policy.questions import Introspection
from gateway.policy.token import Tokens, bearer

_LEEWAY_AT_MOST = 60.0
_ASKING_AT_MOST = 10.0
_BELIEVED_AT_MOST = 300.0
_CALLERS: tuple[Path, ...] = (("defaults", "auth"), ("routes", ANY, "auth"))


def problems(tree: Tree, issuers: Mapping[str, IssuerSpec]) -> Iterator[Problem]:
    """What is wrong with the issuers of `tree`, which is that of gateway.yaml."""
    for name, spec in issuers.items():
        if name in BUILT_IN_AUTH:
            yield tree.key_problem(
                ("issuers", name), f'expected another name, "{name}" means something in auth'
            )
        signed = _algorithms(spec) if spec.introspection is None else _asking(spec.introspection)
        for place, message in (*_terms(spec), *signed, *_addresses(spec)):
            yield tree.problem(("issuers", name, *place), message)


def unreachable(trees: Sequence[Tree]) -> Iterator[Problem]:
    """Issuers that come in a list after one who takes every token, since only asking tells whose one is."""
    issuers = trees[0].at(("issuers",))
    known = issuers if isinstance(issuers, dict) else {}
    for tree in trees:
        for caller in _CALLERS:
            for path, said in at(tree, caller):
                for number, name in _shadowing(said, known):
                    message = f'expected "{name}" behind the other issuers: it takes every token'
                    yield tree.problem((*path, number), message)


def tokens(name: str, spec: IssuerSpec, realm: str, ports: Ports) -> Tokens | IntrospectedTokens:
    """The method that verifies the tokens of an issuer without problems."""
    looked_at = tuple(_places(spec.token))
    places = tuple(place for place in looked_at if _is_hidden(place, spec.token))
    challenge = bearer(realm, spec.resource_metadata)
    claims = Claims(
        method=name,
        issuer=spec.issuer or "",
        audience=frozenset(spec.audience),
        leeway=spec.leeway,
        subject=_path(spec.claims.subject),
        roles=_path(spec.claims.roles),
        scopes=_path(spec.claims.scopes),
    )
    if spec.introspection is not None:
        return IntrospectedTokens(
            endpoint=Introspection(**dict(spec.introspection)),
            claims=claims,
            verifier=ports.verifier,
            wall=ports.wall,
            looked_at=looked_at,
            places=places,
            challenge=challenge,
        )
    return Tokens(
        claims=claims,
        algorithms=_accepted(spec),
        keys=_keys(spec, ports),
        wall=ports.wall,
        looked_at=looked_at,
        places=places,
        challenge=challenge,
    )


def _shadowing(said: object, issuers: Mapping[str, object]) -> Iterator[tuple[int, str]]:
    names = enumerate(said if isinstance(said, list) else [])
    listed = [(number, name) for number, name in names if isinstance(name, str) and name in issuers]
    for number, name in listed[:-1]:
        spec = issuers[name]
        if isinstance(spec, dict) and "introspection" in spec:
            yield number, name


def _terms(spec: IssuerSpec) -> Iterator[tuple[Path, str]]:
    if not spec.audience and spec.introspection is None:
        yield (), 'expected the key "audience": a token for somebody else is no proof'
    if spec.leeway > _LEEWAY_AT_MOST:
        yield ("leeway",), "expected at most 60s"
    if spec.resource_metadata and {'"', "\\"} & {*spec.resource_metadata}:
        yield ("resource_metadata",), "expected a URL without quotes and backslashes"


def _asking(spec: IntrospectionSpec) -> Iterator[tuple[Path, str]]:
    if spec.timeout > _ASKING_AT_MOST:
        yield ("introspection", "timeout"), "expected at most 10s"
    if spec.cache > _BELIEVED_AT_MOST:
        yield ("introspection", "cache"), "expected at most 5m"


def _algorithms(spec: IssuerSpec) -> Iterator[tuple[Path, str]]:
    is_shared = spec.secret is not None
    for number, algorithm in enumerate(spec.algorithms):
        if (algorithm in SYMMETRIC) != is_shared:
            expected = (
                "HS256, HS384 or HS512 with a secret" if is_shared else "no HS algorithm without a secret"
            )
            yield ("algorithms", number), f'expected {expected}, got "{algorithm}"'
    if not spec.algorithms:
        yield ("algorithms",), "expected at least one item, got none"
    if spec.secret is not None:
        yield from _secret(spec.secret, spec.algorithms)
    accepted = _accepted(spec)
    for number, jwk in enumerate(spec.keys):
        if accepted and not public_key(jwk).algorithms & accepted:
            yield ("keys", number), f"expected a key for one of {', '.join(spec.algorithms)}"


def _secret(secret: str, algorithms: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    try:
        fit = shared_key(secret).algorithms
    except ValueError as error:
        yield ("secret",), f"expected {error}"
        return
    longer = [algorithm for algorithm in algorithms if algorithm in SYMMETRIC - fit]
    if longer:
        yield ("secret",), f"expected a longer secret for {', '.join(longer)}"


def _addresses(spec: IssuerSpec) -> Iterator[tuple[Path, str]]:
    asked: dict[Path, str | None] = {
        ("jwks",): spec.jwks,
        ("issuer",): spec.issuer if spec.discovery else None,
        ("introspection", "url"): spec.introspection.url if spec.introspection else None,
    }
    for place, url in asked.items():
        if url and not _source(spec).admits(url):
            yield place, "expected a plain https URL: beyond loopback, http needs `insecure_http: true`"
    if spec.discovery and "?" in (spec.issuer or ""):
        yield ("issuer",), "expected an issuer without a query, to put the place of its metadata behind it"
    for number, origin in enumerate(spec.jwks_origins):
        if "*" in origin or origin == "null":
            yield ("jwks_origins", number), "expected one origin, spelled out"


def _accepted(spec: IssuerSpec) -> frozenset[str]:
    """The algorithms, under both names of what has two (RFC 9864)."""
    both = {"EdDSA", "Ed25519"}
    return frozenset(spec.algorithms) | (both if both & {*spec.algorithms} else set())


def _keys(spec: IssuerSpec, ports: Ports) -> Keys:
    if spec.secret is not None:
        return FixedKeys(KeySet([shared_key(spec.secret)]))
    if spec.keys:
        return FixedKeys(KeySet(map(public_key, spec.keys)))
    return ports.keys(_source(spec))


def _source(spec: IssuerSpec) -> KeySource:
    return KeySource(spec.issuer or "", spec.jwks or "", spec.jwks_origins, spec.insecure_http)


def _places(spec: TokenSpec) -> Iterator[credential.Place]:
    name = (spec.field or "").lower().encode()
    if name:
        yield credential.Authorization() if name == credential.AUTHORIZATION else credential.Field(name)
    if spec.cookie is not None:
        yield credential.Cookie(spec.cookie.encode())
    if spec.query is not None:
        yield credential.Parameter(spec.query.encode())


def _is_hidden(place: credential.Place, spec: TokenSpec) -> bool:
    return not spec.forward or isinstance(place, credential.Parameter)


def _path(said: str | tuple[str, ...]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else said
