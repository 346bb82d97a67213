"""One request's way through the policies of its route, in the order and by the rules of `gateway.relay`."""

from typing import Final, final

from gateway.http.reason import Reason
from gateway.http.reply import Reply
from gateway.policy import Exchange, Policy
from gateway.policy.authn import Authentication, Identity
from gateway.refusals import EXPECTATION, INTERNAL, WIRE
from gateway.rehearsal.notes import Before, detail, note
from gateway.rehearsal.outcome import Step, Verdict
from gateway.rehearsal.ports import RehearsalPorts
from gateway.routing import Forward, Route
from gateway.surroundings import last_hop, without_backend

# What policies answer with while nobody can tell.
_UNAVAILABLE: Final = frozenset([Reason.KEYS_UNAVAILABLE, Reason.VERIFIER_UNAVAILABLE])


@final
class Walk:
    """Asks each policy once: `steps` has what each said, `reply` the answer where one of them has any.

    `assumed` stands in for what authentication would find.
    """

    def __init__(
        self, route: Route, exchange: Exchange, ports: RehearsalPorts, assumed: Identity | None
    ) -> None:
        self.steps: list[Step] = []
        self.reply: Reply | None = None
        self.route = route
        self.exchange = exchange
        self._ports = ports
        self._assumed = assumed

    def take(self, received: int) -> None:
        """Go all the way with a body of so many bytes; who comes behind an answer is not asked any more."""
        for policy in self.route.pipeline.policies:
            self.steps.append(self._ask(policy))
        self.steps.append(self._arrive(received))

    def _ask(self, policy: Policy) -> Step:
        if self.reply is not None:
            return Step(policy.name, Verdict.NOT_ASKED, policy.source)
        exchange = self.exchange
        before, on_trial = Before(exchange), len(exchange.reported)
        try:
            reply, passed = self._judged(policy)
        except Exception as error:
            # Fail closed, as the relay does.
            self.reply = INTERNAL
            return Step(policy.name, Verdict.REFUSED, policy.source, Reason.INTERNAL, repr(error))
        if reply is not None:
            return self._answered(policy, reply, before)
        if len(exchange.reported) > on_trial:
            reason = exchange.reported[-1][1]
            return Step(policy.name, Verdict.ON_TRIAL, policy.source, reason, "this would refuse")
        return Step(policy.name, passed, policy.source, note=note(policy, exchange, before))

    def _judged(self, policy: Policy) -> tuple[Reply | None, Verdict]:
        if isinstance(policy, Authentication) and self._assumed is not None:
            return policy.decide(self.exchange, self._assumed), Verdict.ASSUMED
        verdict = policy(self.exchange)
        if verdict is not None and not isinstance(verdict, Reply):
            raise TypeError("a policy waits, although nobody is there to be waited for")
        return verdict, Verdict.PASSED

    def _answered(self, policy: Policy, reply: Reply, before: Before) -> Step:
        self.reply = reply
        if reply.reason in _UNAVAILABLE and self._ports.asked:
            said = f"would ask for {self._ports.asked[-1]}"
            return Step(policy.name, Verdict.UNKNOWN, policy.source, reply.reason, said)
        if reply.reason is None:
            return Step(policy.name, Verdict.ANSWERED, policy.source, note="the preflight is granted")
        counted = note(policy, self.exchange, before) if policy.name == "quota" else ""
        said = counted or detail(reply) or "the preflight gets no permission"
        return Step(policy.name, Verdict.REFUSED, policy.source, reply.reason, said)

    def _arrive(self, received: int) -> Step:
        """The last step: to the target, if nothing that only the relay knows is in the way."""
        route, target = self.route, self.route.target
        if self.reply is not None:
            name = "upstream" if isinstance(target, Forward) else "route"
            return Step(name, Verdict.NOT_ASKED, route.source)
        if received > route.body_limit:
            limits = [each.source for each in route.pipeline.policies if each.name == "limits"]
            return self._ended("limits", WIRE[Reason.BODY_TOO_LARGE], *limits)
        if not isinstance(target, Forward):
            return self._ended("route", without_backend(target, self.exchange), route.source)
        reply = self._expectation() or last_hop(self.exchange.request)
        if reply is not None:
            return self._ended("gateway", reply)
        return Step("upstream", Verdict.PASSED, route.source, note=f"on to {target.upstream}")

    def _ended(self, name: str, reply: Reply, source: str = "") -> Step:
        self.reply = reply
        if reply.reason is not None:
            return Step(name, Verdict.REFUSED, source, reply.reason, detail(reply))
        return Step(name, Verdict.ANSWERED, source, note=f"{reply.status}, without a backend")

    def _expectation(self) -> Reply | None:
        expected = self.exchange.request.noted.get(b"expect", b"100-continue")
        return None if expected.lower() == b"100-continue" else EXPECTATION
