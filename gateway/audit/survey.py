"""What rules look at: the specs, what was compiled from them, and each route with what holds for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import Final, final

from gateway.config.compile import Specs, compile_snapshot, headers_in_force
from gateway.config.entry import Entry
from gateway.config.identity import PUBLIC
from gateway.config.offline import Offline
from gateway.config.schema.named import HeadersSpec, TierSpec
from gateway.config.schema.routes import ChargeSpec, ChoiceSpec, RouteSpec
from gateway.config.snapshot import Address, Snapshot
from gateway.routing import Forward, Route

# RFC 9110 9.2.1; TRACE reaches no route.
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@final
@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One route: as the files say it, and compiled. Its requests are counted by `tiers`, or some of them."""

    entry: Entry
    route: Route
    tiers: tuple[TierSpec, ...]

    @property
    def id(self) -> str:
        """The id."""
        return self.route.id

    @property
    def spec(self) -> RouteSpec:
        """With its defaults filled in."""
        return self.entry.spec

    @property
    def is_forwarded(self) -> bool:
        """Whether a service sees its requests."""
        return isinstance(self.route.target, Forward)

    @property
    def is_open(self) -> bool:
        """Whether somebody who proves nothing passes."""
        return self.spec.is_public or (PUBLIC in self.methods_of_auth and self.spec.allow is None)

    @property
    def methods_of_auth(self) -> tuple[str, ...]:
        """The words of `auth`."""
        said = self.spec.auth or ()
        return (said,) if isinstance(said, str) else said

    @property
    def changes(self) -> bool:
        """Whether it forwards a method that may change something."""
        return self.is_forwarded and not _SAFE.issuperset(self.route.methods or ("any",))

    @property
    def counts_addresses(self) -> bool:
        """Whether a rate holds for each address that proves nothing, whatever else the client says."""
        # By principal, who is nobody is counted by address.
        sure = [{*tier.keys} for tier in self.tiers if tier.limit is not None and not is_by_word(tier)]
        return any("address" in keys or (self.is_open and "principal" in keys) for keys in sure)

    @property
    def counts_principals(self) -> bool:
        """Whether something holds for each principal, or for those that share a claim."""
        sure = [key for tier in self.tiers if not is_by_word(tier) for key in tier.keys]
        return any(key == "principal" or key.startswith("claim:") for key in sure)

    def said(self, key: str) -> str:
        """The `file:line` of a key, of the route where nobody says it."""
        return self.entry.sources.get(key, self.entry.source)


@final
class Survey:
    """One configuration at one moment; `now` is in seconds since 1970."""

    def __init__(self, specs: Specs, now: float) -> None:
        self.specs = specs
        self.now = now

    @cached_property
    def snapshot(self) -> Snapshot:
        """The configuration, compiled; its policies ask nobody."""
        return compile_snapshot(self.specs, Offline())

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """Every route of the files."""
        pairs = zip(self.specs.entries, self.snapshot.routes, strict=True)
        return tuple(Way(entry, route, tuple(self._tiers(entry.spec))) for entry, route in pairs)

    @property
    def may_be_secure(self) -> bool:
        """Whether a client's connection can be known to be secure: by its TLS, or by what a proxy says."""
        return any(listener.tls or listener.trusted_proxies for listener in self.specs.gateway.listeners)

    def headers(self, way: Way) -> HeadersSpec:
        """The headers policy of a route."""
        return headers_in_force(way.spec.headers, self.specs.headers)

    def _tiers(self, spec: RouteSpec) -> Iterator[TierSpec]:
        for item in spec.quota or ():
            if isinstance(item, ChoiceSpec):
                yield from (self.specs.tiers[name] for name in (*item.values.values(), item.otherwise))
            else:
                yield self.specs.tiers[item.tier if isinstance(item, ChargeSpec) else item]


def is_by_word(tier: TierSpec) -> bool:
    """Whether a client has another bucket as soon as it says something else of itself."""
    return any(key.startswith("header:") for key in tier.keys)


def is_loopback(address: Address) -> bool:
    """Whether only this machine is reached: by a Unix socket, `localhost` or a loopback address."""
    if address.unix or address.host == "localhost":
        return True
    try:
        return ip_address(address.host).is_loopback
    except ValueError:
        return False


def is_public(address: Address) -> bool:
    """Whether an address to listen on may be reached from anywhere: it is a public one, or all of them."""
    if address.unix:
        return False
    host = ip_address(address.host)
    return host.is_unspecified or host.is_global
