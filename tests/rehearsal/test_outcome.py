import pytest

from gateway.rehearsal import Draft, Verdict

POLICIES = """\
tiers: {once: {concurrent: 1, key: address}}
cors: {web: {allow_origins: ["https://app.example"]}}
routes:
  - {id: passes, match: {path: /passes}, upstream: backend, auth: public, quota: [once], cors: web}
  - {id: answered, match: {path: /answered}, respond: {status: 204}, auth: public}
"""
PREFLIGHT = (("Origin", "https://app.example"), ("Access-Control-Request-Method", "GET"))


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        pytest.param(Draft(target="/passes"), (Verdict.PASSED, "upstream", None, "backend"), id="passes"),
        pytest.param(Draft(target="/answered"), (Verdict.ANSWERED, "route", 204, None), id="answered"),
        pytest.param(
            Draft("OPTIONS", "/passes", fields=PREFLIGHT),
            (Verdict.ANSWERED, "cors", 204, None),
            id="answered by a policy",
        ),
        pytest.param(Draft(target="/no"), (Verdict.REFUSED, "route", 404, None), id="refused"),
        pytest.param(Draft(target="//"), (Verdict.REFUSED, "wire", 400, None), id="never read"),
    ],
)
def test_an_outcome_is_one_of_these(stage, draft, expected):
    outcome = stage(POLICIES).ask(draft)
    status = outcome.answer.status if outcome.answer else None
    upstream = outcome.forward.upstream if outcome.forward else None
    assert expected == (outcome.verdict, outcome.decider.name, status, upstream)


def test_what_is_held_at_once_is_given_back_at_the_end(stage):
    made = stage(POLICIES)
    first = made.ask(Draft(target="/passes"))
    assert Verdict.REFUSED is made.ask(Draft(target="/passes")).verdict
    first.end()
    first.end()
    assert Verdict.PASSED is made.ask(Draft(target="/passes")).verdict
