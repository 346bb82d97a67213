"""The port `Verifier` of a running gateway."""

from collections.abc import Awaitable
from typing import final

from gateway.http.fields import Field
from gateway.http.reason import Reason
from gateway.identity.asking import Asker, AskError, Question
from gateway.identity.introspection import Introspections
from gateway.identity.outages import Outages
from gateway.identity.passwords import Passwords
from gateway.policy.ports import Time
from gateway.policy.questions import Answer, Introspection, Service, Told
from gateway.telemetry import waits


@final
class LiveVerifier:
    """Threads for passwords, HTTP for the rest."""

    def __init__(self, wall: Time, monotonic: Time) -> None:
        self._asker = Asker()
        self._outages = Outages()
        self._introspections = Introspections(self._asker, self._outages, wall, monotonic)
        self._passwords = Passwords()

    def password(self, hash: str, password: bytes) -> Awaitable[bool | None] | None:
        """True if the password is that of the hash; None where too many wait."""
        return self._passwords.verify(hash, password)

    def introspect(self, endpoint: Introspection, token: bytes) -> Told | Awaitable[Told]:
        """The members of the answer about a token."""
        return self._introspections.find(endpoint, token)

    async def ask(self, service: Service, fields: tuple[Field, ...]) -> Answer | None:
        """The answer to a GET with these fields."""
        wait = waits.begin("GET", service.url)
        try:
            answer, _ = await self._asker.ask(Question("GET", service.url, fields, service.timeout))
        except AskError as error:
            waits.end(wait, error=Reason.VERIFIER_UNAVAILABLE)
            self._outages.failed(service.url, str(error))
            return None
        waits.end(wait, answer.status)
        self._outages.answered(service.url)
        return answer

    async def stop(self) -> None:
        """End what is under way."""
        self._passwords.close()
        await self._introspections.stop()
        await self._asker.close()
