"""The paths of a document in the words of a route."""

import re
from typing import Final
from urllib.parse import quote

from gateway.http.fields import Malformed
from gateway.http.path import PathRules, canonical
from gateway.http.template import parse_path

_RELAXED: Final = PathRules(semicolon="allow", encoded_slash="allow")
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_WORD: Final = re.compile(r"([a-z0-9])([A-Z])")
_ASCII: Final = "".join(map(chr, range(33, 127)))


def pattern(path: str) -> tuple[str, bool]:
    """The path of a route's match, and whether it takes more than the document's path does.

    A route has variables for whole segments only. Raises ValueError for what no route can match.
    """
    if not path.startswith("/"):
        raise ValueError("expected a path that begins with /")
    names: set[str] = set()
    texts = path[1:].removesuffix("/").split("/") if path != "/" else []
    segments = [_segment(text, names) for text in texts]
    made = "/" + "/".join(segments)
    parse_path(made)
    return made, any("{" in text and not _VARIABLE.fullmatch(text) for text in texts)


def _segment(text: str, names: set[str]) -> str:
    variables = _VARIABLE.findall(text)
    if {*"{}?#"} & {*_VARIABLE.sub("", text)}:
        raise ValueError("expected a path with variables in braces, and without ? and #")
    if variables:
        return f"{{{_variable(' '.join(variables), names)}}}"
    try:
        return canonical(b"/" + quote(text, safe=_ASCII).encode(), _RELAXED)[1:].decode()
    except Malformed:
        raise ValueError("expected a path that a request can have") from None


def _variable(name: str, names: set[str]) -> str:
    words = _WORD.sub(r"\1_\2", name).lower()
    plain = re.sub(r"[^a-z0-9]+", "_", words).strip("_")
    plain = plain if plain[:1].isalpha() else f"v_{plain}".rstrip("_")
    found, number = plain, 1
    while found in names:
        number += 1
        found = f"{plain}_{number}"
    names.add(found)
    return found
