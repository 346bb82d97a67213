"""Policies on trial."""

from inspect import isawaitable
from typing import Final

import pytest

from gateway.http.reply import Body, Reply, problem
from gateway.policy import Reason
from gateway.policy.report import Reported

REFUSAL = problem(403, Reason.ADDRESS_DENIED, "Not from there.")
ANSWER = Reply(204, None, (), Body(b"text/plain", b""))


class Decides:
    """A policy with one verdict for everybody, which it may take its time for."""

    name: Final = "clients"
    source: Final = "a.yaml:3"

    def __init__(self, verdict, waits):
        self._verdict = verdict
        self._waits = waits

    def __call__(self, exchange):
        return self._later() if self._waits else self._verdict

    async def _later(self):
        return self._verdict


@pytest.mark.parametrize("waits", [pytest.param(False, id="at once"), pytest.param(True, id="after a wait")])
@pytest.mark.parametrize(
    ("verdict", "passed", "reported"),
    [
        pytest.param(None, None, (), id="what passes is not noted"),
        pytest.param(
            REFUSAL, None, (("clients", Reason.ADDRESS_DENIED),), id="a refusal is noted and passes"
        ),
        pytest.param(ANSWER, ANSWER, (), id="an answer that refuses nothing stands"),
    ],
)
async def test_a_policy_on_trial_refuses_nobody(exchange, verdict, passed, reported, waits):
    asked = exchange()
    policy = Reported(Decides(verdict, waits))
    given = policy(asked)
    assert waits == isawaitable(given)
    assert (passed, reported) == (await given if waits else given, asked.reported)
    assert ("clients", "a.yaml:3") == (policy.name, policy.source)
