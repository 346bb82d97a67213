import json
from collections import Counter

import pytest

from gateway.policy import Principal, Reason
from gateway.policy.bucket import Charge
from gateway.policy.partition import keys
from gateway.policy.quota import Choice, Quota, RateOnly, quota
from gateway.policy.report import Reported
from gateway.policy.standing import Legacy, Silent, Standard
from gateway.policy.tier import at_once, rate

SOURCE = "policies/azora-pay.yaml:7"
PUBLIC = rate("public", 60, 60.0, 2)
DAILY = rate("daily", 1000, 86400.0)
PRO = rate("pro", 600, 60.0, 100)
CLOSED = rate("closed", 0, 60.0)
UPLOADS = at_once("uploads", 1)


class Buckets:
    """Buckets without time: what is taken stays taken. Waits if it is told to, and may be down."""

    def __init__(self, *, waits=False, is_down=False):
        self.levels = Counter()
        self.leases = []
        self.waits = waits
        self.is_down = is_down

    def take(self, wants, lease):
        self.leases.append(lease)
        grant = None if self.is_down else self._grant(wants)
        return self._later(grant) if self.waits else grant

    def take_one(self, charge, key):
        return self.take([(charge, key)], None)

    async def _later(self, grant):
        return grant

    def _grant(self, wants):
        levels = [float(self.levels[key]) for _, key in wants]
        if any(
            level + charge.amount > charge.capacity for level, (charge, _) in zip(levels, wants, strict=True)
        ):
            return False, levels
        self.levels.update({key: charge.amount for charge, key in wants})
        return True, [float(self.levels[key]) for _, key in wants]


@pytest.fixture
def buckets():
    return Buckets()


def plan(principal):
    return principal.claims.get("plan")


def charge(tier, cost=1, by=("address",)):
    return Charge(tier, cost, keys(by, tier.id, "pay"))


def made(buckets, *items, tell=None, denies=False):
    return quota(items, buckets, tell or Standard(), denies=denies, source=SOURCE)


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        pytest.param([charge(PUBLIC)], RateOnly, id="one rate"),
        pytest.param([charge(PUBLIC), charge(DAILY)], Quota, id="two rates"),
        pytest.param([charge(UPLOADS)], Quota, id="a lease"),
        pytest.param([Choice(plan, {}, charge(PUBLIC))], Quota, id="a choice"),
    ],
)
def test_the_usual_quota_takes_fewer_steps(buckets, items, kind):
    policy = made(buckets, *items)
    assert (kind, "quota", SOURCE) == (type(policy), policy.name, policy.source)


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([charge(PUBLIC)], id="one rate"),
        pytest.param([charge(PUBLIC), charge(PRO)], id="two rates"),
    ],
)
def test_a_request_passes_until_the_quota_is_used_up(buckets, exchange, items):
    policy = made(buckets, *items)
    replies = [policy(exchange()) for _ in range(4)]
    assert [None, None, 429, 429] == [reply and reply.status for reply in replies]
    assert {Reason.QUOTA_EXCEEDED} == {reply.reason for reply in replies[2:]}
    assert None is policy(exchange(client="192.0.2.2"))


def test_a_granted_request_is_told_how_it_stands(buckets, exchange):
    asked = exchange()
    made(buckets, charge(PUBLIC))(asked)
    assert (
        (b"RateLimit-Policy", b'"public";q=60;w=60'),
        (b"RateLimit", b'"public";r=1;t=1'),
    ) == asked.response_fields


def test_a_refusal_tells_when_to_come_again(buckets, exchange):
    """`t` of the one that refused, which stands first, is `Retry-After`."""
    policy = made(buckets, charge(PUBLIC), charge(DAILY, 600))
    policy(exchange())
    asked = exchange()
    reply = policy(asked)
    assert ((b"Cache-Control", b"no-store"), (b"Retry-After", b"17280")) == reply.fields
    assert (
        (b"RateLimit-Policy", b'"daily";q=1000;w=86400, "public";q=60;w=60'),
        (b"RateLimit", b'"daily";r=400;t=17280, "public";r=1;t=1'),
    ) == asked.response_fields


def test_a_refusal_has_the_registered_problem_type(buckets, exchange):
    policy = made(buckets, charge(CLOSED))
    reply = policy(exchange())
    assert {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Too many requests: a quota is used up.",
        "reason": "quota_exceeded",
        "request_id": "1" * 32,
        "violated-policies": ["closed"],
    } == json.loads(reply.body.fill(b"1" * 32))
    # The body is a constant.
    assert reply.body is policy(exchange()).body
    assert (b"Retry-After", b"60") == reply.fields[-1]


def test_every_tier_that_refuses_is_named(buckets, exchange):
    policy = made(buckets, charge(CLOSED), charge(PRO), charge(UPLOADS, by=("route",)))
    one = made(buckets, charge(UPLOADS, by=("route",)))
    one(exchange())
    reply = policy(exchange())
    assert ["closed", "uploads"] == json.loads(reply.body.fill(b"1" * 32))["violated-policies"]


def test_a_refused_request_takes_nothing_of_any_tier(buckets, exchange):
    made(buckets, charge(PRO), charge(CLOSED))(exchange())
    assert 0 == buckets.levels.total()


@pytest.mark.parametrize(
    ("principal", "tier"),
    [
        pytest.param(Principal("a", "jwt", claims={"plan": "pro"}), "pro", id="the value that is named"),
        pytest.param(Principal("a", "jwt", claims={"plan": "gold"}), "public", id="another value"),
        pytest.param(Principal("a", "jwt", claims={"plan": ["pro"]}), "public", id="a list is no value"),
        pytest.param(Principal("a", "jwt", claims={"plan": 1}), "public", id="nor is a number"),
        pytest.param(Principal("a", "jwt"), "public", id="no such claim"),
        pytest.param(None, "public", id="nobody"),
    ],
)
def test_a_claim_chooses_the_tier(buckets, exchange, principal, tier):
    asked = exchange()
    asked.principal = principal
    choice = Choice(plan, {"pro": charge(PRO, by=("principal",))}, charge(PUBLIC, by=("principal",)))
    made(buckets, choice)(asked)
    assert [tier] == [each.name for each, *_ in asked.quotas]


@pytest.mark.parametrize("waits", [pytest.param(False, id="at once"), pytest.param(True, id="later")])
@pytest.mark.parametrize(
    "items", [pytest.param([PUBLIC], id="one rate"), pytest.param([PUBLIC, PRO], id="two")]
)
async def test_a_store_may_answer_later(exchange, items, waits):
    policy = made(Buckets(waits=waits), *map(charge, items))
    seen = []
    for _ in range(3):
        verdict = policy(exchange())
        verdict = await verdict if waits else verdict
        seen.append(verdict and verdict.status)
    assert [None, None, 429] == seen


@pytest.mark.parametrize(
    "items", [pytest.param([charge(PUBLIC)], id="one rate"), pytest.param([charge(UPLOADS)], id="a lease")]
)
def test_without_a_store_a_request_passes_uncounted(exchange, items):
    asked = exchange()
    verdict = made(Buckets(is_down=True), *items)(asked)
    assert (None, (), ()) == (verdict, asked.response_fields, asked.quotas)


def test_without_a_store_a_request_is_refused_where_that_was_said(exchange):
    reply = made(Buckets(is_down=True), charge(PUBLIC), denies=True)(exchange())
    assert (503, Reason.QUOTA_UNAVAILABLE) == (reply.status, reply.reason)
    assert (b"Retry-After", b"1") in reply.fields
    assert (
        "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
        == json.loads(reply.body.fill(b"1" * 32))["type"]
    )


def test_two_steps_tell_one_story(buckets, exchange):
    """What was counted before authentication and after it stands in one list, most constrained first."""
    asked = exchange()
    asked.response_fields = ((b"Access-Control-Allow-Origin", b"*"),)
    made(buckets, charge(PRO))(asked)
    made(buckets, charge(PUBLIC))(asked)
    assert (
        (b"Access-Control-Allow-Origin", b"*"),
        (b"RateLimit-Policy", b'"public";q=60;w=60, "pro";q=600;w=60'),
        (b"RateLimit", b'"public";r=1;t=1, "pro";r=99;t=1'),
    ) == asked.response_fields


def test_two_steps_write_one_set_of_legacy_fields(buckets, exchange):
    asked, tell = exchange(), Legacy(lambda: 1000.0)
    made(buckets, charge(PRO), tell=tell)(asked)
    made(buckets, charge(PUBLIC), tell=tell)(asked)
    assert [b"60", b"1", b"1001"] == [value for _, value in asked.response_fields]


def test_a_silent_quota_still_says_when_to_come_again(buckets, exchange):
    asked = exchange()
    reply = made(buckets, charge(CLOSED), tell=Silent())(asked)
    assert ((), (b"Retry-After", b"60")) == (asked.response_fields, reply.fields[-1])


def test_a_lease_ends_with_the_request(buckets, exchange):
    asked = exchange()
    made(buckets, charge(UPLOADS))(asked)
    given = []
    (lease,) = buckets.leases
    lease.begin(lambda: given.append(1))
    assert [] == given
    for ending in asked.endings:
        ending()
    assert [1] == given


def test_a_request_that_holds_nothing_has_no_ending(buckets, exchange):
    asked = exchange()
    made(buckets, charge(PUBLIC), charge(PRO))(asked)
    assert ((), [None]) == (asked.endings, buckets.leases)


def test_a_quota_on_trial_lets_pass_and_asks_nobody_to_wait(buckets, exchange):
    asked = exchange()
    assert None is Reported(made(buckets, charge(CLOSED)))(asked)
    assert (("quota", Reason.QUOTA_EXCEEDED),) == asked.reported
    assert b"Retry-After" not in dict(asked.response_fields)
