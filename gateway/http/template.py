"""Templates of paths: what routes match, and what rewrites and redirects write.

A template is read once, when the configuration is; every mistake in it is told in words that show the
expected form. What matches first among several templates is the business of `gateway.routing`.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import final

from gateway.http.fields import Malformed
from gateway.http.path import PathRules, canonical

_SEGMENTS_AT_MOST = 64

_RELAXED = PathRules(semicolon="allow", encoded_slash="allow")
_HOLE = re.compile(r"\{([a-z_][a-z0-9_]*)(\.\.\.)?\}")
# RFC 3986 4.2: a path, or a URL whose host stands before the first hole.
_REFERENCE = re.compile(r"/(?!/)|https?://[^/?#{}]+(?=[/?#]|\Z)")
_URI_TEXT = re.compile(r"(?:[!#$&-;=?-\[\]_a-z~]|%[0-9A-Fa-f]{2})*")


class Kind(IntEnum):
    """What a segment of a template matches, the most exact first."""

    LITERAL = 0
    NAME = 1
    REST = 2


@final
@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a template: a literal, `{name}` (any one segment) or `{name...}` (all that follow)."""

    kind: Kind
    text: str


@final
@dataclass(frozen=True, slots=True)
class Template:
    """A path with holes: literal parts around captures, by index. `parts` begins and ends with a literal."""

    parts: tuple[bytes, ...]
    indexes: tuple[int, ...]

    def fill(self, captures: tuple[bytes, ...]) -> bytes:
        """The path, or URL, with the raw captured segments in the holes; it never begins with two slashes."""
        joined = [self.parts[0]]
        for index, part in zip(self.indexes, self.parts[1:], strict=True):
            joined += captures[index], part
        path = b"".join(joined)
        # An empty `{rest...}` would turn the next segment into a host (RFC 3986 4.2, network-path reference).
        return b"/" + path.lstrip(b"/") if path.startswith(b"//") else path


def parse_path(template: str) -> tuple[Segment, ...]:
    """The segments of a template such as `/files/{owner}/{path...}`; a slash at its end means nothing.

    Raises ValueError, with a text for people, where it is no template, or where a literal could never match
    because no canonical path has it.
    """
    if not template.startswith("/"):
        raise ValueError(f'expected a path that begins with "/", got "{template}"')
    texts = template[1:].removesuffix("/").split("/") if template != "/" else []
    if len(texts) > _SEGMENTS_AT_MOST:
        raise ValueError(f"expected at most {_SEGMENTS_AT_MOST} segments, got {len(texts)}")
    segments = tuple(_segment(text) for text in texts)
    if any(segment.kind is Kind.REST for segment in segments[:-1]):
        raise ValueError(f'expected {{name...}} as the last segment only, got "{template}"')
    names = [segment.text for segment in segments if segment.kind is not Kind.LITERAL]
    if len(set(names)) < len(names):
        raise ValueError(f'expected each variable once, got "{template}"')
    return segments


def _segment(text: str) -> Segment:
    hole = _HOLE.fullmatch(text)
    if hole:
        return Segment(Kind.REST if hole[2] else Kind.NAME, hole[1])
    if not text:
        raise ValueError("expected no empty segment")
    if "{" in text or "}" in text:
        raise ValueError(f'expected {{name}} or {{name...}} as a whole segment, got "{text}"')
    try:
        literal = canonical(b"/" + text.encode(), _RELAXED)[1:].decode()
    except Malformed:
        raise ValueError(f'expected a segment that a path may have, got "{text}"') from None
    if literal != text:
        raise ValueError(f'expected the canonical "{literal}", got "{text}"')
    return Segment(Kind.LITERAL, text)


def variables(template: str) -> tuple[str, ...]:
    """The names of a template's variables, in its order. Raises ValueError as `parse_path` does."""
    return tuple(segment.text for segment in parse_path(template) if segment.kind is not Kind.LITERAL)


def template(text: str, variables: tuple[str, ...]) -> Template:
    """A path, or an absolute URL, with holes `{name}` (or `{name...}`, the same) for some of `variables`.

    Raises ValueError where a hole is not one of them, where the text is no URI reference, or where a hole
    stands before the path: no request may choose the host that it is sent to.
    """
    if not _REFERENCE.match(text):
        raise ValueError(f'expected a path that begins with one "/", or a URL with its host, got "{text}"')
    *holes, last = _HOLE.split(text)
    parts = (*holes[::3], last)
    for part in parts:
        if not _URI_TEXT.fullmatch(part):
            raise ValueError(f'expected visible ASCII characters around {{name}}, got "{part}"')
    for name in holes[1::3]:
        if name not in variables:
            raise ValueError(f"expected one of the path's variables, got {{{name}}}")
    return Template(
        tuple(part.encode() for part in parts), tuple(variables.index(name) for name in holes[1::3])
    )
