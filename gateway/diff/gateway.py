"""What differs between two files gateway.yaml, and between those that it names."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from gateway.config.compile import Specs
from gateway.config.problem import Path as Place
from gateway.config.schema.gateway import GatewaySpec
from gateway.config.schema.model import Spec
from gateway.config.tree import Tree
from gateway.diff import tables
from gateway.diff.change import Change, Group, Kind, group
from gateway.diff.order import Rule, grants, neutral
from gateway.diff.section import Section, Table, compared, present

_NOWHERE: Final = Tree("")


def gateway(old: Specs, new: Specs) -> Iterator[Group]:
    """The sections that differ, in the order of the file."""
    yield from _listeners(old, new)
    yield from _plain(old, new)
    for field, (noun, table) in tables.NAMED.items():
        was, now = _by_name(old, field), _by_name(new, field)
        yield from _each(was, now, table, neutral, noun)
    yield from _other_kind(old, new)
    yield from _each(_listed(old, "keys"), _listed(new, "keys"), tables.API_KEY, grants, "api key")
    yield from _each(_listed(old, "users"), _listed(new, "users"), tables.USER, grants, "user")
    yield from group("authorities", _authorities(old, new))


def _plain(old: Specs, new: Specs) -> Iterator[Group]:
    was, now = _whole(old), _whole(new)
    skipped = tables.ELSEWHERE | tables.NAMED.keys()
    table = {**tables.GATEWAY, **dict.fromkeys(skipped, _told_elsewhere)}
    yield from group("gateway", compared(was, now, table))


def _told_elsewhere(old: object, new: object) -> tuple[Change, ...]:
    return ()


def _whole(specs: Specs) -> Section:
    return Section(specs.tree, (), specs.gateway)


def _listeners(old: Specs, new: Specs) -> Iterator[Group]:
    def by_address(specs: Specs) -> dict[str, Section]:
        listeners = enumerate(specs.gateway.listeners)
        # Port 0 may stand there several times.
        found: dict[str, Section] = {}
        for index, spec in listeners:
            name = str(spec.address)
            name = name if name not in found else f"{name} ({index})"
            found[name] = Section(specs.tree, ("listeners", index), spec)
        return found

    yield from _each(by_address(old), by_address(new), tables.LISTENER, grants, "listener")


def _other_kind(old: Specs, new: Specs) -> Iterator[Group]:
    """Names in `auth` that stay and mean something else: an issuer became a service, or the other way."""
    for was, now in (("issuers", "forward_auth"), ("forward_auth", "issuers")):
        before, after = _by_name(old, was), _by_name(new, now)
        for name in sorted(before.keys() & after.keys()):
            words = f"auth: it was one of {was} and is one of {now}"
            places = before[name].source, after[name].source
            yield from group(f"auth {name}", [Change(Kind.WIDENS, words, *places, proved=False)])


def _by_name(specs: Specs, field: str) -> dict[str, Section]:
    named: Mapping[str, Spec] = getattr(specs.gateway, field)
    return {name: Section(specs.tree, (field, name), spec) for name, spec in named.items()}


def _listed(specs: Specs, section: str) -> dict[str, Section]:
    """The keys or the users, by what names them, each in the file that has them."""
    tree = next((tree for tree in specs.trees if isinstance(tree.at((section,)), list)), _NOWHERE)
    listed: Sequence[Spec] = specs.credentials.keys if section == "keys" else specs.credentials.users
    named = [getattr(spec, "id" if section == "keys" else "name") for spec in listed]
    found = enumerate(zip(named, listed, strict=True))
    return {name: Section(tree, (section, index), spec) for index, (name, spec) in found}


def _each(
    old: Mapping[str, Section], new: Mapping[str, Section], table: Table, alone: Rule, noun: str
) -> Iterator[Group]:
    nothing = Section(_NOWHERE, (), None)
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name, nothing), new.get(name, nothing)
        if was.spec is None or now.spec is None:
            yield from group(f"{noun} {name}", present(was, now, alone, "it"))
        else:
            yield from group(f"{noun} {name}", compared(was, now, table))


def _authorities(old: Specs, new: Specs) -> Iterator[Change]:
    """Files of authorities that bear the same name and hold something else."""
    was, now = _files(old), _files(new)
    for name, (digest, source) in now.items():
        if name in was and was[name][0] != digest:
            yield Change(Kind.WIDENS, f"{name} holds other authorities", was[name][1], source, proved=False)


def _files(specs: Specs) -> dict[str, tuple[bytes, str]]:
    spec: GatewaySpec = specs.gateway
    named: dict[Place, str | None] = {
        ("listeners", index, "tls", "client_ca"): one.tls.client_ca
        for index, one in enumerate(spec.listeners)
        if one.tls is not None
    }
    named |= {
        ("upstreams", name, "tls", "ca"): one.tls.ca
        for name, one in spec.upstreams.items()
        if one.tls is not None
    }
    return {
        name: (sha256(Path(specs.pem.path(name)).read_bytes()).digest(), specs.tree.source(place))
        for place, name in named.items()
        if name
    }
