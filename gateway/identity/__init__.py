"""The keys of issuers: where they are, and a copy of them that is kept fresh beside the requests."""

from gateway.identity.fetch import Fetcher
from gateway.identity.remote import RemoteKeys
from gateway.identity.verifier import LiveVerifier

__all__ = ["Fetcher", "LiveVerifier", "RemoteKeys"]
