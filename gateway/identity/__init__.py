"""The keys of issuers: where they are, and a copy of them that is kept fresh beside the requests."""

from gateway.identity.fetch import Fetcher
from gateway.identity.remote import RemoteKeys

__all__ = ["Fetcher", "RemoteKeys"]
