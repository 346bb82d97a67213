"""A policy on trial: it decides, and what it would have refused is noted and passes."""

from collections.abc import Awaitable
from typing import final

from gateway.http.reply import Reply
from gateway.policy import Exchange, Policy, Verdict


@final
class Reported:
    """Asks another policy, and takes only its answers that refuse nothing."""

    __slots__ = ("_policy", "name", "source")

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.name = policy.name
        self.source = policy.source

    def __call__(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        verdict = self._policy(exchange)
        if verdict is None or isinstance(verdict, Reply):
            return self._passed(exchange, verdict)
        return self._waited(exchange, verdict)

    async def _waited(self, exchange: Exchange, verdict: Awaitable[Verdict]) -> Verdict:
        return self._passed(exchange, await verdict)

    def _passed(self, exchange: Exchange, verdict: Verdict) -> Verdict:
        if verdict is None or verdict.reason is None:
            return verdict
        exchange.reported += ((self.name, verdict.reason),)
        return None
