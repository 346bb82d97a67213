"""Texts of others in a file of ours: a value that is nothing but this text, or a comment on one line."""

import json
import re
from typing import Final

from gateway.config.scalar import core, is_ambiguous

_BARE: Final = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./-]*")
_SHOWN_AT_MOST: Final = 140


def scalar(text: str) -> str:
    """A value of YAML, which reads as this text everywhere in a file of the gateway's.

    Raises ValueError for what cannot be shown, and for what would be filled in from outside.
    """
    if not text.isprintable() or "${" in text:
        raise ValueError("expected a text that can be shown, without ${")
    is_bare = _BARE.fullmatch(text) and core(text) == text and not is_ambiguous(text)
    return text if is_bare else json.dumps(text, ensure_ascii=False)


def flow(texts: list[str]) -> str:
    """A list of them on one line."""
    return f"[{', '.join(map(scalar, texts))}]"


def comment(text: str) -> str:
    """What stands behind a `#`: one line, printable, not too long."""
    shown = "".join(
        [each if each.isprintable() else ascii(each)[1:-1] for each in text[: _SHOWN_AT_MOST + 1]]
    )
    return shown if len(text) <= _SHOWN_AT_MOST else f"{shown[:_SHOWN_AT_MOST]}..."


def name(text: str, usual: str) -> str:
    """A name such as routes and issuers have, as near to a text as may be; `usual` where nothing is left."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")
    plain = re.sub(r"^[^A-Za-z]+", "", plain)[:_NAME_AT_MOST].rstrip("-._")
    return plain if plain and core(plain) == plain and not is_ambiguous(plain) else usual


_NAME_AT_MOST: Final = 60


def unique(wanted: str, taken: set[str]) -> str:
    """The name, or the name with a number where it is taken already; then it is taken."""
    number, found = 1, wanted
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    taken.add(found)
    return found
