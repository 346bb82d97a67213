"""Tiers where they are used: what a request pays for them can be paid, and nobody is counted twice.

Looks at trees, as `names` does, so that a file with other faults still has all its quotas checked.
"""

from collections.abc import Iterator, Mapping, Sequence

from gateway.config.names import ANY, at
from gateway.config.problem import Path, Problem
from gateway.config.schema.named import TierSpec
from gateway.config.tree import Tree

_QUOTAS: tuple[Path, ...] = (("defaults", "quota"), ("routes", ANY, "quota"))


def problems(trees: Sequence[Tree], tiers: Mapping[str, TierSpec]) -> Iterator[Problem]:
    """What is wrong with the quotas of all files, as far as the tiers that they name are sound."""
    for tree in trees:
        for pattern in _QUOTAS:
            for path, items in at(tree, pattern):
                if isinstance(items, list):
                    yield from _costs(tree, path, items, tiers)
                    yield from _twice(tree, path, items)


def _costs(
    tree: Tree, path: Path, items: Sequence[object], tiers: Mapping[str, TierSpec]
) -> Iterator[Problem]:
    for index, item in enumerate(items):
        if not isinstance(item, dict) or not isinstance(item.get("cost"), int):
            continue
        tier = tiers.get(str(item.get("tier")))
        # A tier without any requests refuses whatever the cost is.
        if tier is not None and 0 < tier.most < item["cost"]:
            message = f"expected at most {tier.most}, which is all that the tier holds, got {item['cost']}"
            yield tree.problem((*path, index, "cost"), message)


def _twice(tree: Tree, path: Path, items: Sequence[object]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        names = set(_named(item))
        for name in sorted(names & seen):
            yield tree.problem((*path, index), f'expected each tier once, got "{name}" again')
        seen |= names


def _named(item: object) -> Iterator[str]:
    """The tiers that an item may take from."""
    if isinstance(item, str):
        yield item
    elif isinstance(item, dict):
        yield from (name for key, name in item.items() if key not in ("by", "cost") and isinstance(name, str))
