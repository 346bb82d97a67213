import pytest

from gateway.http.reply import problem
from gateway.policy import Principal, Reason
from gateway.policy.authn import Authentication, Identity, demand
from gateway.policy.credential import Authorization, Cookie, Parameter

SOURCE = "policies/pay.yaml:3"
BAD = problem(401, Reason.INVALID_TOKEN, "No.")
THANDI = Identity(Principal("thandi", "id"), ((b"X-Auth-Subject", b"thandi"),))
JOHAN = Identity(Principal("johan", "key"), ((b"X-Auth-Subject", b"johan"),))


class Always:
    """A method that always comes to the same, at once or later."""

    def __init__(self, outcome, *places, challenge=None, later=False):
        self.outcome = outcome
        self.places = places
        self.challenge = challenge
        self.later = later
        self.asked = 0

    def __call__(self, exchange):
        self.asked += 1
        return self.wait() if self.later else self.outcome

    async def wait(self):
        return self.outcome


async def verdict(policy, exchange):
    said = policy(exchange)
    return said if said is None or hasattr(said, "status") else await said


@pytest.mark.parametrize("later", [False, True], ids=["at once", "after a wait"])
@pytest.mark.parametrize(
    ("outcomes", "expected", "subject", "asked"),
    [
        pytest.param([THANDI], None, "thandi", [1], id="one method, a good credential"),
        pytest.param([BAD], 401, None, [1], id="one method, a bad one"),
        pytest.param([None], 401, None, [1], id="one method, none"),
        pytest.param([None, JOHAN], None, "johan", [1, 1], id="the second finds one"),
        pytest.param([THANDI, JOHAN], None, "thandi", [1, 0], id="the first decides"),
        pytest.param([BAD, JOHAN], 401, None, [1, 0], id="a bad one is not made good by the next"),
        pytest.param([None, BAD], 401, None, [1, 1], id="the second finds a bad one"),
        pytest.param([None, None], 401, None, [1, 1], id="nobody shows anything"),
    ],
)
async def test_the_first_credential_decides(exchange, outcomes, expected, subject, asked, later):
    methods = [Always(outcome, later=later) for outcome in outcomes]
    here = exchange()
    said = await verdict(Authentication(tuple(methods), demand(methods), SOURCE), here)
    assert expected == (said and said.status)
    assert (subject, asked) == (here.principal and here.principal.subject, [m.asked for m in methods])
    assert (subject is None) == (here.upstream_fields == ())


@pytest.mark.parametrize("later", [False, True], ids=["at once", "after a wait"])
async def test_optional_proof_may_be_missing_but_not_bad(exchange, later):
    here = exchange()
    assert await verdict(Authentication((Always(None, later=later),), None, SOURCE), here) is None
    assert here.principal is None
    assert BAD is await verdict(Authentication((Always(BAD, later=later),), None, SOURCE), exchange())


def test_a_demand_names_every_method(exchange):
    methods = Always(None, challenge=b'Bearer realm="a"'), Always(None), Always(None, challenge=b"Basic")
    policy = Authentication(methods, demand(methods), SOURCE)
    reply = policy(exchange())
    assert (401, Reason.NO_CREDENTIALS) == (reply.status, reply.reason)
    assert b'Bearer realm="a", Basic' == dict(reply.fields)[b"WWW-Authenticate"]
    assert reply is policy(exchange())
    assert b"WWW-Authenticate" not in dict(demand([Always(None)]).fields)


PLACES = [Authorization(), Cookie(b"session"), Parameter(b"key")]
FIELDS = [(b"Authorization", b"Bearer a"), (b"Cookie", b"session=a; b=c"), (b"X-Other", b"d")]


@pytest.mark.parametrize("later", [False, True], ids=["at once", "after a wait"])
@pytest.mark.parametrize(
    "first", [pytest.param(THANDI, id="another method decides"), pytest.param(None, id="nobody")]
)
async def test_no_credential_of_any_method_reaches_the_backend(exchange, first, later):
    methods = Always(first, later=later), Always(None, *PLACES)
    here = exchange(fields=FIELDS, query=b"?key=a&b=c")
    assert await verdict(Authentication(methods, None, SOURCE), here) is None
    assert ((b"authorization",), b"?b=c") == (here.hidden, here.request.query)
    assert [b"Authorization: Bearer a", b"Cookie: b=c", b"X-Other: d"] == here.request.lines


def test_a_refused_request_has_nothing_left_to_log(exchange):
    here = exchange(query=b"?key=a&b=c")
    assert BAD is Authentication((Always(BAD, *PLACES),), None, SOURCE)(here)
    assert b"?b=c" == here.request.query


def test_a_policy_says_its_name_and_its_place():
    policy = Authentication((), None, SOURCE)
    assert ("auth", SOURCE) == (policy.name, policy.source)
