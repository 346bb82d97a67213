"""The published security headers, and what each route does about them.

Looked at is what leaves on a connection that is secure, where every one of them may stand.
"""

from enum import Enum
from typing import Final

from gateway.audit.survey import Survey, Way
from gateway.config.header_manual import DISCLOSURE, PURPOSES
from gateway.policy.disclosure import DISCLOSING

HSTS: Final = "Strict-Transport-Security"
CLEAR: Final = "Clear-Site-Data"
# Where a page may load and run nothing, there is nothing that these could forbid it.
_OF_PAGES: Final = frozenset({"Cross-Origin-Embedder-Policy", "Permissions-Policy"})
NAMES: Final = tuple(PURPOSES)


class State(Enum):
    """What a route does about a field: says it, says it where the service does not, or not at all.

    `UNNEEDED` is one that would change nothing on this route.
    """

    SET = "set"
    DEFAULT = "default"
    MISSING = "missing"
    UNNEEDED = "unneeded"


def state(survey: Survey, way: Way, name: str) -> State:
    """What a route does about one of NAMES."""
    edits, wanted = way.route.edits[True], name.lower().encode()
    if name == DISCLOSURE:
        removed = {*edits.remove}
        return State.SET if all(one.encode() in removed for one in DISCLOSING) else State.MISSING
    if name == HSTS and not survey.may_be_secure:
        return State.UNNEEDED
    if any(own.lower() == wanted for own, _ in edits.set):
        return State.SET
    if any(own.lower() == wanted for own, _ in edits.default):
        return State.DEFAULT
    if name == CLEAR or (name in _OF_PAGES and _loads_nothing(way)):
        return State.UNNEEDED
    return State.MISSING


def field(way: Way, name: bytes) -> bytes | None:
    """The value of a field that we put on the responses of secure connections, None where we do not."""
    edits = way.route.edits[True]
    return next((value for own, value in (*edits.set, *edits.default) if own.lower() == name), None)


def _loads_nothing(way: Way) -> bool:
    policy = field(way, b"content-security-policy") or b""
    return policy.partition(b";")[0].split() == [b"default-src", b"'none'"]
