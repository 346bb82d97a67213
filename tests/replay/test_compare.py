"""What is decided differently, what is not, and where the log is not enough to tell."""

import pytest

from gateway.replay.compare import Difference, Doubt, Kind
from gateway.replay.recorded import Word

NOBODY = {"principal": "", "roles": []}
PAY = {"method": "POST", "path": "/pay", "route": "pay", "bytes_in": 100}
MINE = {"path": "/people/ada", "route": "mine"}
OPEN = {"path": "/open", "route": "open", **NOBODY}
EITHER = {"path": "/either", "route": "either", **NOBODY}
QUOTA = "quota: [few, many]"
BILLS = 'allow: {permissions: ["bills:read"]}\n    quota'
STRANGER = "no_credentials"


def denied(policy, reason, status=403, **more):
    said = {"decision": "refused", "policy": policy, "reason": reason, "status": status, "attempts": 0}
    return {**said, **more}


@pytest.mark.parametrize(
    ("members", "pair", "kind", "said"),
    [
        pytest.param(
            {}, (BILLS, "allow: {roles: [boss]}\n    quota"), Kind.REFUSED, "missing_role", id="role"
        ),
        pytest.param({}, ("[10.1.0.0/16]", "[192.0.2.0/24]"), Kind.REFUSED, "address_denied", id="address"),
        pytest.param(
            {},
            ("methods: [GET]}\n    allow: {perm", "methods: [PUT]}\n    allow: {perm"),
            Kind.REFUSED,
            "method_not_allowed",
            id="method",
        ),
        pytest.param({}, ("path: /bills", "path: /invoices"), Kind.REFUSED, "no_route", id="path"),
        pytest.param(PAY, ("body: 1KiB", "body: 99B"), Kind.REFUSED, "body_too_large", id="size"),
        pytest.param(
            MINE,
            ("path.who == subject or claims.team == 'it'", "path.who != subject"),
            Kind.REFUSED,
            "condition_failed",
            id="condition over what the log has",
        ),
        pytest.param(
            EITHER, ("auth: [home, public]", "auth: home"), Kind.REFUSED, STRANGER, id="nobody may not ask"
        ),
        pytest.param(
            denied("allow", "missing_permission", roles=[]),
            ('clerk: {permissions: ["bills:read"]}', "clerk: {permissions: []}"),
            None,
            "",
            id="refused as before",
        ),
        pytest.param(
            denied("allow", "missing_permission", roles=[]),
            (BILLS, "allow: {roles: [boss]}\n    quota"),
            Kind.OTHERWISE,
            "missing_role",
            id="another reason",
        ),
        pytest.param(
            denied("allow", "missing_permission", roles=[]),
            (BILLS, "report: [allow]\n    allow: {roles: [boss]}\n    quota"),
            Kind.ALLOWED,
            "",
            id="on trial",
        ),
        pytest.param(
            denied("clients", "address_denied", client="10.1.2.3", **NOBODY),
            ("deny: [10.1.0.0/16]", "deny: [10.2.0.0/16]"),
            Kind.ALLOWED,
            "",
            id="address",
        ),
        pytest.param(
            denied("route", "no_route", 404, path="/new", route="_unmatched", **NOBODY),
            ("path: /open", "path: /new"),
            Kind.ALLOWED,
            "",
            id="a new route",
        ),
        pytest.param(
            OPEN, ("path: /open}", "path: /open}, upstream: shop"), Kind.UPSTREAM, "", id="upstream"
        ),
        pytest.param(
            OPEN,
            ("path: /open}", 'path: /open}, rewrite: {path: "/v2"}'),
            Kind.UPSTREAM,
            "",
            id="another path",
        ),
        pytest.param(
            OPEN, ("path: /open}", "path: /open}, respond: {status: 204}"), Kind.UPSTREAM, "", id="own answer"
        ),
        pytest.param(OPEN, ("id: open", "id: public"), Kind.ROUTE, "", id="another name"),
        pytest.param(
            {"path": "/old", "route": "old", "decision": "answered", "status": 308, "attempts": 0, **NOBODY},
            ("to: /new", "to: /newer"),
            Kind.ANSWER,
            "",
            id="another place",
        ),
    ],
)
def test_differs_for_certain(cause, members, pair, kind, said):
    found = cause(members, pair)
    if kind is None:
        assert found is None
        return
    assert (Difference, kind) == (type(found), found.kind)
    assert said == (found.new.reason if found.new.word is Word.REFUSED else "")


@pytest.mark.parametrize(
    ("members", "pair", "step"),
    [
        pytest.param({}, (QUOTA, "quota: [few, {tier: many, cost: 2}]"), "quota", id="another quota"),
        pytest.param({}, ("limit: 100/1m", "limit: 99/1m"), "quota", id="another tier of the same name"),
        pytest.param(
            denied("quota", "quota_exceeded", 429),
            (QUOTA, "quota: [few]"),
            "quota",
            id="used up: fewer tiers",
        ),
        pytest.param(PAY, ("scopes: [pay]", "scopes: [pay, more]"), "allow", id="another scope"),
        pytest.param(PAY, ("schema: body.json", "max_body: 8KiB"), "validate", id="another body"),
        pytest.param(
            PAY, ('{"type": "object"}', '{"type": "array"}'), "validate", id="another text of a schema"
        ),
        pytest.param(PAY, ("cors: web", "csrf: {trusted: []}"), "csrf", id="another csrf"),
        pytest.param(PAY, ("cors: web", "cors: strict"), "cors", id="other origins are refused"),
        pytest.param(
            {"path": "/people/bob", "route": "mine"},
            ("claims.team == 'it'", "claims.team == 'hr'"),
            "allow",
            id="a claim",
        ),
        pytest.param({}, ("auth: home, upstream", "auth: away, upstream"), "auth", id="another issuer"),
        pytest.param(
            {}, ("audience: [api]}\n  away", "audience: [b]}\n  away"), "auth", id="another audience"
        ),
        pytest.param(
            {}, ("auth: home, upstream", "auth: [away, home], upstream"), "auth", id="one before it"
        ),
        pytest.param(OPEN, ("path: /open}, auth: public", "path: /open}"), "auth", id="nobody was asked"),
        pytest.param(
            denied("auth", STRANGER, 401, **NOBODY),
            ("auth: home, upstream", "auth: away, upstream"),
            "auth",
            id="what else it showed",
        ),
        pytest.param(
            denied("auth", "invalid_token", 401, **NOBODY),
            ("auth: home, upstream", "auth: [home, away], upstream"),
            "auth",
            id="a bad token that another issuer may know",
        ),
        pytest.param(
            {"path": "/colour", "route": "plain", "upstream": "shop", **NOBODY},
            ("X-Colour: blue", "X-Colour: red"),
            "route",
            id="fields that choose the route",
        ),
    ],
)
def test_nobody_can_tell(cause, members, pair, step):
    found = cause(members, pair)
    assert (Doubt, step) == (type(found), found.step)
    assert found.lacks


@pytest.mark.parametrize(
    ("members", "pair"),
    [
        pytest.param({}, ("version: 1", "version: 1\nname: b"), id="nothing of it changed"),
        pytest.param(
            denied("quota", "quota_exceeded", 429), ("version: 1", "version: 1\nname: b"), id="used up"
        ),
        pytest.param(PAY, ("limit: 10/1m", "limit: 9/1m"), id="a quota that does not count here"),
        pytest.param(PAY, ("body: 1KiB", "body: 100B"), id="a body that just fits"),
        pytest.param(PAY, ("cors: web", "cors: {allow_origins: ['https://b.example']}"), id="lenient cors"),
        pytest.param({}, (QUOTA, "quota: [many]"), id="fewer tiers, all of which it was within"),
        pytest.param({}, ("auth: home, upstream", "auth: [home, away], upstream"), id="an issuer behind it"),
        pytest.param({}, ("auth: home, upstream", "auth: [home, public], upstream"), id="proof is optional"),
        pytest.param(MINE, ("claims.team == 'it'", "claims.team == 'hr'"), id="a claim that does not decide"),
        pytest.param(
            denied("allow", "condition_failed", path="/people/bob", route="mine"),
            ("version: 1", "version: 1\nname: b"),
            id="a condition of claims that failed",
        ),
        pytest.param(
            denied("auth", "token_expired", 401, **NOBODY),
            (QUOTA, "quota: [few]"),
            id="an expired token",
        ),
        pytest.param(
            denied("validate", "invalid_body", 422, method="POST", path="/pay", route="pay"),
            ("limit: 10/1m", "limit: 9/1m"),
            id="a bad body",
        ),
        pytest.param(
            {"path": "/colour", "route": "blue", **NOBODY},
            ("limit: 10/1m", "limit: 9/1m"),
            id="by its fields",
        ),
        pytest.param(
            denied("auth", STRANGER, 401, **NOBODY),
            ("limit: 100/1m", "limit: 9/1m"),
            id="behind who was refused",
        ),
    ],
)
def test_is_decided_alike(cause, members, pair):
    assert cause(members, pair) is None


def test_what_is_newly_allowed_may_still_be_refused_by_what_the_log_lacks(cause):
    """Whoever was refused by his address never got as far as authentication and quotas."""
    members = denied("clients", "address_denied", client="10.1.2.3", **NOBODY)
    found = cause(members, ("deny: [10.1.0.0/16]", "deny: [10.2.0.0/16]"))
    assert (Kind.ALLOWED, ("quota", "limits", "auth", "allow")) == (found.kind, found.unless)


def test_optional_proof_lets_in_who_showed_nothing(cause):
    members = denied("auth", STRANGER, 401, path="/people/ada", route="mine", **NOBODY)
    pair = ("    allow: {when", "    auth: [home, public]\n    report: [allow]\n    allow: {when")
    found = cause(members, pair)
    assert Kind.ALLOWED is found.kind


def test_a_route_that_became_public_lets_in_a_bad_token(cause):
    members = denied("auth", "invalid_token", 401, path="/people/ada", route="mine", **NOBODY)
    pair = ("""    allow: {when: "path.who == subject or claims.team == 'it'"}""", "    auth: public")
    found = cause(members, pair)
    assert (Kind.ALLOWED, ()) == (found.kind, found.unless)


def test_both_places_are_told(cause, tmp_path):
    found = cause({}, (BILLS, "allow: {roles: [boss]}\n    quota"))
    assert ("bills", "bank", "allow") == (found.old.route, found.old.upstream, found.new.step)
    assert f"{tmp_path}/new/policies/routes.yaml:13" == found.new.source
    assert f"{tmp_path}/old/policies/routes.yaml:11" == found.old.source
