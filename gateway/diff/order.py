"""Which of two values is the wider one: a rule for each kind of value, from old and new to what it means.

A rule is asked about values that differ. It names members only where they are no secrets.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from ipaddress import IPv4Network, collapse_addresses
from typing import Any

from gateway.config.snapshot import Network
from gateway.diff.change import Change, Kind, told
from gateway.policy.guard import unmapped

# From the old and the new value to what is to be told; a change without words is told as `old -> new`.
Rule = Callable[[Any, Any], Iterable[Change]]

WIDENS = Change(Kind.WIDENS, "")
NARROWS = Change(Kind.NARROWS, "")
CHANGES = Change(Kind.CHANGES, "")
UNPROVED = Change(Kind.WIDENS, "", proved=False)


def neutral(old: object, new: object) -> Iterable[Change]:
    """It lets nobody in and keeps nobody out."""
    return [CHANGES]


def unproved(old: object, new: object) -> Iterable[Change]:
    """Nobody can tell which is the wider one."""
    return [UNPROVED]


def more(old: Any, new: Any) -> Iterable[Change]:
    """The larger is the wider, nothing is without bound; a truth value widens when it becomes true."""
    if old is None or new is None:
        return [NARROWS if old is None else WIDENS]
    return [WIDENS if new > old else NARROWS]


def less(old: Any, new: Any) -> Iterable[Change]:
    """The smaller is the wider, nothing is the widest."""
    if old is None or new is None:
        return [NARROWS if old is None else WIDENS]
    return [WIDENS if new < old else NARROWS]


def ranks(*narrow_to_wide: object) -> Rule:
    """The later of a closed list is the wider."""
    return lambda old, new: more(narrow_to_wide.index(old), narrow_to_wide.index(new))


def grants(old: object, new: object) -> Iterable[Change]:
    """What is there lets somebody in, nothing lets in nobody; of two nobody can tell."""
    return [WIDENS] if old is None else [NARROWS] if new is None else [UNPROVED]


def guards(old: object, new: object) -> Iterable[Change]:
    """What is there keeps somebody out, nothing keeps out nobody; of two nobody can tell."""
    return [NARROWS] if old is None else [WIDENS] if new is None else [UNPROVED]


def members(old: Collection[Any], new: Collection[Any]) -> Iterator[Change]:
    """Each member lets more in; another order of them is nothing that could be proved."""
    yield from _sets(old, new, Kind.WIDENS, "removed")


def demands(old: Collection[Any], new: Collection[Any]) -> Iterator[Change]:
    """Each member asks for more."""
    yield from _sets(old, new, Kind.NARROWS, "no longer asked for")


def members_or_all(old: Collection[Any], new: Collection[Any]) -> Iterator[Change]:
    """The same as `members`, but none stands for all."""
    if old and new:
        yield from members(old, new)
    elif old or new:
        yield NARROWS if new else WIDENS


def wildcards(old: Collection[str], new: Collection[str]) -> Iterator[Change]:
    """The same as `members`, but `*` stands for all."""
    if "*" in new and "*" not in old:
        yield Change(Kind.WIDENS, "any is added")
    elif "*" in old and "*" not in new:
        yield Change(Kind.NARROWS, f"any becomes {told(list(new))}")
    else:
        yield from members(old, new)


def origins(old: Collection[str], new: Collection[str]) -> Iterator[Change]:
    """The same, but `https://*.app.example` stands for all below it."""
    fresh = [origin for origin in new if not any(_holds(known, origin) for known in old)]
    gone = [origin for origin in old if not any(_holds(known, origin) for known in new)]
    yield from [Change(Kind.WIDENS, f"{'any origin' if each == '*' else each} is added") for each in fresh]
    yield from [Change(Kind.NARROWS, f"{'any origin' if each == '*' else each} is removed") for each in gone]
    if not fresh and not gone:
        yield CHANGES


def trusted(old: Sequence[Network], new: Sequence[Network]) -> Iterator[Change]:
    """Each network lets more in."""
    fresh, gone = _beyond(new, old), _beyond(old, new)
    yield from [Change(Kind.WIDENS, f"{network} is added") for network in fresh]
    yield from [Change(Kind.NARROWS, f"{network} is removed") for network in gone]
    if not fresh and not gone:
        yield CHANGES


def admitted(old: Sequence[Network], new: Sequence[Network]) -> Iterator[Change]:
    """The same, but none stands for all."""
    if old and new:
        yield from trusted(old, new)
    elif old or new:
        every, some = Change(Kind.WIDENS, "every network may ask"), "only listed networks may ask"
        yield Change(Kind.NARROWS, some) if new else every


def denied(old: Sequence[Network], new: Sequence[Network]) -> Iterator[Change]:
    """Each network keeps more out."""
    fresh, gone = _beyond(new, old), _beyond(old, new)
    yield from [Change(Kind.WIDENS, f"{network} is no longer denied") for network in gone]
    yield from [Change(Kind.NARROWS, f"{network} is denied") for network in fresh]
    if not fresh and not gone:
        yield CHANGES


def _sets(old: Collection[Any], new: Collection[Any], joined: Kind, left: str) -> Iterator[Change]:
    parted = Kind.NARROWS if joined is Kind.WIDENS else Kind.WIDENS
    fresh = [each for each in new if each not in old]
    gone = [each for each in old if each not in new]
    yield from [Change(joined, f"{told(each)} is added") for each in fresh]
    yield from [Change(parted, f"{told(each)} is {left}") for each in gone]
    if not fresh and not gone:
        yield UNPROVED


def _holds(known: str, origin: str) -> bool:
    if known in ("*", origin):
        return True
    scheme, _, suffix = known.partition("://*.")
    return bool(suffix) and origin.startswith(f"{scheme}://") and origin.endswith(f".{suffix}")


def _beyond(networks: Iterable[Network], known: Iterable[Network]) -> list[Network]:
    """Those networks that the known ones do not hold together."""
    held = _collapsed(known)
    return [
        network
        for network in map(unmapped, networks)
        if not any(
            network.version == each.version and network.subnet_of(each)  # type: ignore[arg-type]
            for each in held
        )
    ]


def _collapsed(networks: Iterable[Network]) -> list[Network]:
    plain = [*map(unmapped, networks)]
    four = [network for network in plain if isinstance(network, IPv4Network)]
    six = [network for network in plain if not isinstance(network, IPv4Network)]
    return [*collapse_addresses(four), *collapse_addresses(six)]
