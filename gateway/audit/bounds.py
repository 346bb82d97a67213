"""Rules about how often, how much, and in which form."""

from collections.abc import Iterator
from typing import Final

from gateway.audit.finding import Rule, Spot, place
from gateway.audit.survey import Survey, is_by_word

# What a body may be where nobody says anything; see `gateway.config.schema.gateway`.
_USUAL: Final = 10 * 1024 * 1024
_MEBIBYTE: Final = 1024 * 1024
_WITH_CONTENT: Final = frozenset({"POST", "PUT", "PATCH"})
# How long a client may take for the head of a request; nobody's line is slower.
_PATIENCE: Final = 60.0


def _uncounted_changes(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if way.is_open and way.changes and not way.counts_addresses:
            message = f"{way.id} is open, changes something, and has no rate for each address"
            yield Spot(way.id, way.said("quota"), message, is_route=True)


def _uncounted(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if way.is_forwarded and not way.tiers and not (way.is_open and way.changes):
            yield Spot(way.id, way.said("quota"), f"{way.id} has no quota", is_route=True)


def _by_nobody(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if way.is_forwarded and not way.is_open and way.tiers and not way.counts_principals:
            message = f"{way.id} knows who asks, and counts by address alone"
            yield Spot(way.id, way.said("quota"), message, is_route=True)


def _by_their_word(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if way.tiers and all(is_by_word(tier) for tier in way.tiers):
            message = f"{way.id} has another bucket for whoever changes a field"
            yield Spot(way.id, way.said("quota"), message, is_route=True)


def _large(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if way.is_forwarded and way.route.body_limit > _USUAL:
            size = way.route.body_limit // _MEBIBYTE
            at = way.entry.sources.get("limits") or survey.specs.tree.source(("limits", "body"))
            yield Spot(way.id, at, f"{way.id} takes bodies of up to {size} MiB", is_route=True)


def _unseen(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        takes = not way.route.methods or bool(_WITH_CONTENT & {*way.route.methods})
        if way.is_forwarded and takes and way.spec.validate_ is None:
            message = f"{way.id} passes bodies on as they come"
            yield Spot(way.id, way.entry.source, message, is_route=True)


def _without_store(survey: Survey) -> Iterator[Spot]:
    if survey.specs.gateway.quota_store.on_failure == "allow":
        message = "nobody is counted while the store of quotas is away"
        yield place(survey.specs.tree, ("quota_store", "on_failure"), message)


def _patient(survey: Survey) -> Iterator[Spot]:
    for name in ("head", "body_idle"):
        if getattr(survey.specs.gateway.timeouts, name) > _PATIENCE:
            message = f"a client may hold a connection for more than {_PATIENCE:g} s and send nothing"
            yield place(survey.specs.tree, ("timeouts", name), message)


RULES: Final = (
    Rule(
        "AZ201",
        "error",
        "An open change that nobody counts",
        "Put a tier with a `limit` by `address` into `quota`: who guesses passwords tries often.",
        _uncounted_changes,
    ),
    Rule(
        "AZ202",
        "warning",
        "A route without a quota",
        "Name a tier in `quota`, here or in the defaults.",
        _uncounted,
    ),
    Rule(
        "AZ203",
        "warning",
        "Principals that are not counted",
        "Put a tier by `principal` into `quota` beside the one by address.",
        _by_nobody,
    ),
    Rule(
        "AZ204",
        "error",
        "Quotas by what clients say",
        "Put a tier without `header:NAME` in its key into `quota`, too.",
        _by_their_word,
    ),
    Rule(
        "AZ205",
        "warning",
        "Large bodies",
        "Say in `limits.body` what the route needs, 10 MiB at most.",
        _large,
    ),
    Rule(
        "AZ206",
        "note",
        "Bodies that nobody looks at",
        "Say in `validate` what a body has to look like: media types, a JSON Schema or an OpenAPI document.",
        _unseen,
    ),
    Rule(
        "AZ207",
        "warning",
        "Quotas that end with their store",
        "Say `on_failure: local` or `deny`.",
        _without_store,
    ),
    Rule(
        "AZ208",
        "warning",
        "Patience with slow clients",
        "Say a minute or less.",
        _patient,
    ),
)
