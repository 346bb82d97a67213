"""A route as one of two configurations has it."""

from gateway.diff.seen import defined, seen, unmatched

POLICIES = """\
tiers:
  few: {limit: 2/1m}
routes:
  - {id: all, match: {path: /}, upstream: backend, auth: public, report: [cors]}
"""


def test_places_are_those_of_keys_and_of_names(stage):
    made = stage(POLICIES)
    route = seen(made)["all"]
    assert [":4", ":4", ":2", ""] == [
        place[-2:]
        for place in (
            route.source("auth"),
            route.source("quota"),
            route.definition("tiers", "few"),
            defined(made, ("tiers", "many")),
        )
    ]
    assert (True, False) == (route.is_on_trial("cors"), route.is_on_trial("allow"))


def test_what_no_route_takes_has_the_defaults_and_asks_nobody(stage):
    made = stage(POLICIES, defaults="auth: public, limits: {body: 7B}")
    nothing = unmatched(made)
    assert (True, 7, "_unmatched") == (nothing.spec.is_public, nothing.spec.limits.body, nothing.route.id)
