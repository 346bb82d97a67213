"""Where an issuer's keys are: as configured, or as its metadata says, which is asked anew when it is old."""

from typing import final

from gateway.identity.fetch import Fetcher, FetchError
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Time

_NOT_THERE = "status 404"


@final
class Location:
    """The address of the keys of one source."""

    __slots__ = ("_fetcher", "_monotonic", "_source", "_until", "_url")

    def __init__(self, source: KeySource, fetcher: Fetcher, monotonic: Time) -> None:
        self._source = source
        self._fetcher = fetcher
        self._monotonic = monotonic
        self._url = source.jwks
        self._until = float("-inf")

    @property
    def known(self) -> str:
        """The address as far as it is known; until the issuer has told it, that of its metadata."""
        return self._url or self._source.metadata[0]

    async def url(self) -> str:
        """The address. Raises FetchError where the issuer does not tell, or tells what is not believed."""
        if not self._source.jwks and self._monotonic() >= self._until:
            first, second = self._source.metadata
            try:
                document = await self._fetcher.get(first)
            except FetchError as error:
                if str(error) != _NOT_THERE:
                    raise
                document = await self._fetcher.get(second)
            try:
                self._url = self._source.named_by(document.members or {})
            except ValueError as error:
                raise FetchError(str(error)) from None
            self._until = self._monotonic() + document.lifetime
        return self._url

    def forget(self) -> None:
        """Ask anew the next time: the keys may have moved."""
        self._until = float("-inf")
