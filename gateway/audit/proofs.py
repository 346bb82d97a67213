"""Rules about how clients prove who they are, and about what we keep secret."""

from collections.abc import Iterator
from typing import Final

from gateway.audit.finding import Rule, Spot, place
from gateway.audit.survey import Survey
from gateway.config.interpolation import Resolved
from gateway.config.names import ANY, at
from gateway.config.problem import Path

_SECRETS: Final[tuple[Path, ...]] = (
    ("admin", "token"),
    ("issuers", ANY, "secret"),
    ("issuers", ANY, "introspection", "client_secret"),
)
_FORWARDED: Final[tuple[Path, ...]] = (
    ("issuers", ANY, "token", "forward"),
    ("api_keys", "forward"),
    ("basic_users", "forward"),
    ("forward_auth", ANY, "forward"),
)
_INSECURE: Final[tuple[Path, ...]] = (
    ("issuers", ANY, "insecure_http"),
    ("forward_auth", ANY, "insecure_http"),
)


def _for_anybody(survey: Survey) -> Iterator[Spot]:
    for name, issuer in survey.specs.gateway.issuers.items():
        if not issuer.audience:
            message = f"a token that {name} issued for somebody else is taken, too"
            yield place(survey.specs.tree, ("issuers", name), message)


def _in_query(survey: Survey) -> Iterator[Spot]:
    for name, issuer in survey.specs.gateway.issuers.items():
        if issuer.token.query is not None:
            path = ("issuers", name, "token", "query")
            message = f"tokens of {name} stand in URLs, which browsers and others keep"
            yield place(survey.specs.tree, path, message)


def _shared(survey: Survey) -> Iterator[Spot]:
    for name, issuer in survey.specs.gateway.issuers.items():
        if issuer.secret is not None:
            message = f"whoever verifies tokens of {name} can make them"
            yield place(survey.specs.tree, ("issuers", name, "secret"), message)


def _over_http(survey: Survey) -> Iterator[Spot]:
    for pattern in _INSECURE:
        for path, value in at(survey.specs.tree, pattern):
            if value is True or value == "true":
                message = f"whoever is on the way to {path[1]} decides who may ask"
                yield place(survey.specs.tree, path, message)


def _passed_on(survey: Survey) -> Iterator[Spot]:
    for pattern in _FORWARDED:
        for path, value in at(survey.specs.tree, pattern):
            if value is True or value == "true":
                yield place(survey.specs.tree, path, "services see what clients prove themselves with")


def _written_down(survey: Survey) -> Iterator[Spot]:
    for pattern in _SECRETS:
        for path, value in at(survey.specs.tree, pattern):
            if isinstance(value, str) and not isinstance(value, Resolved):
                yield place(survey.specs.tree, path, "whoever reads the file knows the secret")


RULES: Final = (
    Rule(
        "AZ501",
        "warning",
        "Tokens for anybody",
        "Say in `audience` whom its tokens have to be meant for.",
        _for_anybody,
    ),
    Rule(
        "AZ502",
        "warning",
        "Tokens in URLs",
        "Take them from a field or a cookie.",
        _in_query,
    ),
    Rule(
        "AZ503",
        "note",
        "A shared secret for tokens",
        "Let the issuer sign with a key of its own: RS256, ES256 or EdDSA.",
        _shared,
    ),
    Rule(
        "AZ504",
        "error",
        "Proofs over plain HTTP",
        "Ask by `https`, and take `insecure_http` out.",
        _over_http,
    ),
    Rule(
        "AZ505",
        "warning",
        "Credentials for services",
        "Leave `forward` out: services are told who asks in `X-Auth-*`.",
        _passed_on,
    ),
    Rule(
        "AZ506",
        "error",
        "A secret in the file",
        "Take it from outside: `${env:NAME}` or `${file:/run/secrets/name}`.",
        _written_down,
    ),
)
