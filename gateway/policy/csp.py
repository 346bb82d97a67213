"""What is wrong with a Content-Security-Policy, found when it is loaded.

A browser drops what it does not understand and says so only in its console, so a misspelt policy is a weaker
policy. Every check here stands for such a silence (Content Security Policy Level 3).
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches

_SOURCE_LISTS = (
    "base-uri child-src connect-src default-src fenced-frame-src font-src form-action frame-ancestors "
    "frame-src img-src manifest-src media-src object-src prefetch-src script-src script-src-attr "
    "script-src-elem style-src style-src-attr style-src-elem worker-src"
)
_SWITCHES = "block-all-mixed-content upgrade-insecure-requests"
_OTHERS = "report-to report-uri require-trusted-types-for sandbox trusted-types webrtc"
_DIRECTIVES = f"{_SOURCE_LISTS} {_SWITCHES} {_OTHERS}".split()
_WORDS = (
    "none self inline-speculation-rules report-sample strict-dynamic trusted-types-eval unsafe-eval "
    "unsafe-hashes unsafe-inline wasm-unsafe-eval"
)
_KEYWORDS = [f"'{word}'" for word in _WORDS.split()]
_HASH = re.compile(r"sha(?:256|384|512)-[A-Za-z0-9+/_-]+={0,2}", re.IGNORECASE)
_QUOTABLE = re.compile(r"(?:nonce|sha256|sha384|sha512)-.*", re.IGNORECASE)


def problems(policy: str) -> list[str]:
    """Each fault as "expected X, got Y", in the order of the text; an empty list for a sound policy."""
    if "," in policy:
        # CSP3 2.2: a comma ends the policy and begins another; a response is then held to both.
        return ["expected one policy, got a comma, which begins a second one"]
    directives = [words for words in map(str.split, policy.split(";")) if words]
    if not directives:
        return ["expected a policy such as default-src 'self', got an empty one"]
    found: list[str] = []
    seen: set[str] = set()
    for spelling, *values in directives:
        name = spelling.lower()
        if name in seen:
            found.append(f"expected each directive once, got a second {name}, which browsers ignore")
        seen.add(name)
        found += _directive(name, values)
    return found


def _directive(name: str, values: list[str]) -> Iterator[str]:
    if name not in _DIRECTIVES:
        yield f"expected {nearest(name, _DIRECTIVES, 'a directive of CSP Level 3')}, got {name}"
    elif name in _SWITCHES.split() and values:
        yield f"expected {name} without a value, got {values[0]}"
    elif name in _SOURCE_LISTS.split():
        for value in values:
            yield from _source(value)
        if len(values) > 1 and "'none'" in map(str.lower, values):
            yield f"expected 'none' alone in {name}, got more, so that browsers ignore it"


def _source(value: str) -> Iterator[str]:
    bare = value.strip("'")
    quoted = f"'{bare.lower()}'"
    if value.lower() != quoted:
        if bare != value or quoted in _KEYWORDS or _QUOTABLE.fullmatch(bare):
            yield f"expected '{bare}' in single quotes, got {value}"
    elif quoted.startswith("'nonce-"):
        # CSP3 7.1: a server "MUST generate a unique value each time it transmits a policy".
        yield "expected a hash, got a nonce, which protects nothing when every response carries the same"
    elif quoted not in _KEYWORDS and not _HASH.fullmatch(bare):
        yield f"expected {nearest(quoted, _KEYWORDS, 'a keyword or a hash')}, got {value}"


def nearest(word: str, words: list[str], otherwise: str) -> str:
    """The one of `words` that is spelt most like `word`, or `otherwise`."""
    return next(iter(get_close_matches(word, words, n=1)), otherwise)
