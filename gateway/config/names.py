"""Names: each is given once, and whatever is called by name exists.

Looks at trees, not at specs, so that a file with other faults still has all its names checked.
"""

from collections.abc import Iterator, Mapping, Sequence

from gateway.config.problem import Path, Problem
from gateway.config.tree import Tree
from gateway.config.wording import nearest
from gateway.policy.headers import PRESETS

ANY = "*"
_DEFINITIONS: tuple[tuple[str, Path], ...] = (
    ("upstream", ("upstreams", ANY)),
    ("issuer or forward_auth", ("issuers", ANY)),
    ("issuer or forward_auth", ("forward_auth", ANY)),
    ("tier", ("tiers", ANY)),
    ("role", ("roles", ANY)),
    ("cors policy", ("cors", ANY)),
    ("headers policy or preset", ("headers", ANY)),
)
# What a route or the defaults may call by name, seen from there.
_CALLS: tuple[tuple[str, Path], ...] = (
    ("upstream", ("upstream",)),
    ("issuer or forward_auth", ("auth",)),
    ("issuer or forward_auth", ("auth", ANY)),
    ("cors policy", ("cors",)),
    ("headers policy or preset", ("headers",)),
    ("role", ("allow", "roles", ANY)),
    ("tier", ("quota", ANY)),
    # `{tier: .., cost: ..}` and `{by: claim:plan, pro: .., else: ..}`: all texts but `by` name a tier.
    ("tier", ("quota", ANY, ANY)),
)
BUILT_IN_AUTH = ("public", "api_key", "basic", "mtls")
_CALLERS: tuple[Path, ...] = (("defaults",), ("routes", ANY))
_BUILT_IN = {
    "issuer or forward_auth": BUILT_IN_AUTH,
    "headers policy or preset": tuple(PRESETS),
}


# Keys and users, in files of their own.
_IDS: tuple[tuple[str, Path], ...] = (
    ("route", ("routes", ANY, "id")),
    ("key", ("keys", ANY, "id")),
    ("user", ("users", ANY, "name")),
)


def given_twice(trees: Sequence[Tree]) -> Iterator[Problem]:
    """Names that two things of one kind bear, and ids of two routes, keys or users."""
    first: dict[tuple[str, str], tuple[Tree, Path]] = {}
    for kind, name, tree, path in (*_definitions(trees), *_ids(trees)):
        other, there = first.setdefault((kind, name), (tree, path))
        if (other.file, there) != (tree.file, path):
            message = f'expected each name once, got "{name}" again after {other.source(there)}'
            yield tree.key_problem(path, message) if path[-1] == name else tree.problem(path, message)


def unknown(trees: Sequence[Tree]) -> Iterator[Problem]:
    """Calls by a name that nothing bears."""
    for kind, patterns in _calls().items():
        known = [name for defined, name, *_ in _definitions(trees) if defined == kind]
        known += _BUILT_IN.get(kind, ())
        calls = (
            (tree, path, name) for tree in trees for pattern in patterns for path, name in at(tree, pattern)
        )
        for tree, path, name in calls:
            if isinstance(name, str) and name not in known and path[-1] != "by":
                message = f'expected the name of {_a(kind)}, got "{name}"{nearest(name, known)}'
                yield tree.problem(path, message)


def at(tree: Tree, pattern: Path) -> Iterator[tuple[Path, object]]:
    """Every value that a path leads to; `*` stands for all keys or items."""
    ways: list[tuple[Path, object]] = [((), tree.data)]
    for part in pattern:
        ways = [((*path, key), value) for path, here in ways for key, value in _members(here, part)]
    yield from ways


def _members(here: object, part: str | int) -> Iterator[tuple[str | int, object]]:
    if isinstance(here, Mapping):
        yield from here.items() if part == ANY else [(part, here[part])] if part in here else []
    elif isinstance(here, list) and part == ANY:
        yield from enumerate(here)


def _definitions(trees: Sequence[Tree]) -> Iterator[tuple[str, str, Tree, Path]]:
    for kind, pattern in _DEFINITIONS:
        for tree in trees:
            yield from ((kind, str(path[-1]), tree, path) for path, _ in at(tree, pattern))


def _ids(trees: Sequence[Tree]) -> Iterator[tuple[str, str, Tree, Path]]:
    for kind, pattern in _IDS:
        for tree in trees:
            found = at(tree, pattern)
            yield from ((kind, name, tree, path) for path, name in found if isinstance(name, str))


def _calls() -> dict[str, list[Path]]:
    patterns: dict[str, list[Path]] = {
        "role": [("roles", ANY, "inherits", ANY), ("certificates", "roles", ANY, ANY)],
        "tier": [],
    }
    for section in ("keys", "users"):
        patterns["role"].append((section, ANY, "roles", ANY))
        patterns["tier"].append((section, ANY, "tier"))
    for kind, call in _CALLS:
        patterns.setdefault(kind, []).extend((*caller, *call) for caller in _CALLERS)
    return patterns


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
