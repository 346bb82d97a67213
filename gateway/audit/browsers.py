"""Rules about browsers: other origins, other sites, and the fields of responses."""

import re
from collections.abc import Iterator
from typing import Final

from gateway.audit import fields
from gateway.audit.fields import field
from gateway.audit.finding import Rule, Spot, place
from gateway.audit.survey import Survey
from gateway.config.names import ANY, at
from gateway.config.problem import Path
from gateway.config.schema.named import CorsSpec
from gateway.config.tree import Tree

_HSTS: Final = b"strict-transport-security"
_OF_CORS: Final[tuple[Path, ...]] = (("cors", ANY), ("defaults", "cors"), ("routes", ANY, "cors"))
# Nobody is on the way to this machine.
_NEAR: Final = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?")
_UNSAFE: Final = frozenset({"'unsafe-inline'", "'unsafe-eval'"})


def _policies(survey: Survey) -> Iterator[tuple[Tree, Path, CorsSpec]]:
    """Every cors policy that stands somewhere: with a name, by default, or in a route."""
    for tree in (survey.specs.tree, *survey.specs.policies):
        for pattern in _OF_CORS:
            for path, said in at(tree, pattern):
                if isinstance(said, dict):
                    yield tree, path, CorsSpec.model_validate(said)


def _origins(survey: Survey) -> Iterator[tuple[Tree, Path, CorsSpec, str]]:
    for tree, path, cors in _policies(survey):
        for number, origin in enumerate(cors.allow_origins):
            yield tree, (*path, "allow_origins", number), cors, origin


def _wild_credentials(survey: Survey) -> Iterator[Spot]:
    for tree, path, cors, origin in _origins(survey):
        if cors.credentials and "*" in origin:
            message = f"every page of {origin} may read what a user may see"
            yield place(tree, path, message)


def _hidden_origins(survey: Survey) -> Iterator[Spot]:
    for tree, path, _, origin in _origins(survey):
        if origin == "null":
            yield place(tree, path, "null is the origin of every page that hides its own")


def _plain_origins(survey: Survey) -> Iterator[Spot]:
    for tree, path, cors, origin in _origins(survey):
        if cors.credentials and origin.startswith("http://") and not _NEAR.fullmatch(origin):
            yield place(tree, path, f"whoever is on the way to {origin} can be its page")


def _without_csrf(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if way.spec.csrf == "off" and (way.changes or way.spec.upgrade):
            message = f"{way.id} takes what another site makes a browser send"
            yield Spot(way.id, way.said("csrf"), message, is_route=True)


def _bare(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if survey.headers(way).preset == "none":
            message = f"{way.id} begins without any security headers"
            yield Spot(way.id, way.said("headers"), message, is_route=True)


def _without_hsts(survey: Survey) -> Iterator[Spot]:
    if not survey.may_be_secure:
        return
    for way in survey.ways:
        value = field(way, _HSTS)
        if value is None or b"max-age=0" in value.replace(b" ", b"").split(b";"):
            message = f"{way.id} does not tell browsers to come back over TLS only"
            yield Spot(way.id, way.said("headers"), message, is_route=True)


def _kept_by_others(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        value = field(way, b"cache-control") or b""
        if not way.is_open and b"public" in value.lower().replace(b" ", b"").split(b","):
            message = f"{way.id} asks who it is, and lets caches show its answers to others"
            yield Spot(way.id, way.said("headers"), message, is_route=True)


def _scripts(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        value = (field(way, b"content-security-policy") or b"").decode()
        directives = {words[0]: {*words[1:]} for part in value.split(";") if (words := part.split())}
        sources = directives.get("script-src", directives.get("default-src", set()))
        for word in sorted(_UNSAFE & sources):
            message = f"{way.id} lets pages run scripts by {word}"
            yield Spot(way.id, way.said("headers"), message, is_route=True)


def _incomplete(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        missing = [name for name in fields.NAMES if fields.state(survey, way, name) is fields.State.MISSING]
        # The one of TLS has a rule of its own.
        names = [name for name in missing if name != fields.HSTS]
        if names and survey.headers(way).preset != "none":
            message = f"{way.id} does without {', '.join(names)}"
            yield Spot(way.id, way.said("headers"), message, is_route=True)


RULES: Final = (
    Rule(
        "AZ301",
        "warning",
        "Credentials for every subdomain",
        "List the origins one by one: one subdomain that was taken over reads for all of them.",
        _wild_credentials,
    ),
    Rule(
        "AZ302",
        "error",
        "The origin null",
        "Take it out, and give the page that needs it an origin.",
        _hidden_origins,
    ),
    Rule(
        "AZ303",
        "error",
        "Credentials for an origin without TLS",
        "Serve the application over https and list that origin.",
        _plain_origins,
    ),
    Rule(
        "AZ304",
        "error",
        "No look at other sites",
        'Leave `csrf` at `auto`, and name in `trusted` the origins that may: `"off"` is for no route that '
        "changes something.",
        _without_csrf,
    ),
    Rule(
        "AZ305",
        "warning",
        "No security headers",
        "Begin with `api` or `owasp`, and change what the service needs otherwise.",
        _bare,
    ),
    Rule(
        "AZ306",
        "warning",
        "TLS without Strict-Transport-Security",
        "Leave the field to the preset, or set it with a `max-age` of a year or more.",
        _without_hsts,
    ),
    Rule(
        "AZ307",
        "error",
        "Answers for one that caches show to all",
        "Say `Cache-Control: no-store` or `private` on routes that ask who it is.",
        _kept_by_others,
    ),
    Rule(
        "AZ308",
        "warning",
        "Scripts that a page was made to say",
        "Take the word out of `script-src`, and name scripts by their origin, hash or nonce.",
        _scripts,
    ),
    Rule(
        "AZ309",
        "warning",
        "Published headers that are missing",
        "Begin with `api` for what programs read and `owasp` for pages, or set the field.",
        _incomplete,
    ),
)
