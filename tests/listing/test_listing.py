"""The routes as an operator looks at them."""

import re

import pytest

from gateway.config.schema.routes import AllowSpec
from gateway.listing.listing import columns, in_short, listing, records

POLICIES = """\
tiers: {few: {limit: 2/1m}, many: {limit: 9/1m, key: principal}}
roles: {clerk: {permissions: ["a:read"]}}
defaults: {upstream: backend}
routes:
  - {id: open, match: {path: /open, host: a.example}, auth: public, quota: [few, {tier: many, cost: 2}]}
  - id: own
    match: {path: /own, methods: [GET], headers: {X-A: a-secret}}
    auth: [remote, public]
    allow: {permissions: ["a:read"], scopes: [s]}
    quota: [{by: claim:plan, else: many}]
    report: [quota]
"""
MORE = 'issuers: {remote: {issuer: "https://id.example", discovery: true, audience: [api]}}\n'


def test_a_line_tells_who_may_ask_and_how_often(stage):
    one, other = listing(stage(POLICIES, more=MORE)).splitlines()
    assert ["any", "a.example/open", "backend", "open", "public", "-", "few, many x2"] == re.split(
        "  +", one
    )[:7]
    assert ["remote, public", "a:read, scope s", "by claim:plan"] == re.split("  +", other)[4:7]


def test_records_add_to_what_programs_know(stage):
    one, other = records(stage(POLICIES, more=MORE))
    assert ("a.example", ["public"], None, ["few", "many x2"], []) == tuple(
        one[name] for name in ("host", "auth", "allow", "quota", "report")
    )
    assert ({"permissions": ("a:read",), "scopes": ("s",)}, ["x-a"], ["quota"]) == tuple(
        other[name] for name in ("allow", "fields", "report")
    )


@pytest.mark.parametrize(
    ("said", "text"),
    [
        pytest.param({"roles": ["a", "b"]}, "role a or b", id="roles"),
        pytest.param({"permissions": ["a:b", "c:d"]}, "a:b, c:d", id="permissions"),
        pytest.param({"when": "subject ==\n 'a'"}, "when subject == 'a'", id="condition"),
    ],
)
def test_a_demand_is_one_line(said, text):
    assert text == in_short(AllowSpec.model_validate(said))


def test_a_long_demand_is_cut(stage):
    long = POLICIES.replace("scopes: [s]", f"when: \"subject == '{'x' * 80}'\"")
    assert "..." in listing(stage(long, more=MORE))


def test_columns_stand_below_each_other():
    assert "a   b\ncc\n" == columns([("a", "b"), ("cc", "")])
    assert "" == columns([])
