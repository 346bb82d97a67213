"""What a condition gives where the request is not known: True or False for every request, else None.

The logic of conditions has a value for what is missing (`gateway.policy.logic`), and `and`, `or` and `not`
keep what is certain in spite of it. So whatever only a request can tell is made missing: the path, the
subject, the scopes, the claims and the address. Roles stay, and methods are few enough to try all of them.
"""

import re
from collections.abc import Iterable
from typing import Final

from gateway.http.edits import Block
from gateway.http.request import Request
from gateway.policy import Exchange, Principal
from gateway.policy.condition import condition

# A text, or a name that only a request can tell. A claim that nobody has stands in for it.
_NAMED: Final = re.compile(
    r"(\"[^\"]*\"|'[^']*')|(?<![A-Za-z0-9_.-])(?:path\.[A-Za-z0-9_-]+|(?:subject|scopes)(?![A-Za-z0-9_.-]))"
)
_TEXT: Final = re.compile(r"[\"']([A-Z]+(?:-[A-Z]+)*)[\"']")
_NOBODYS: Final = 'claims."of the request"'
# A method is only ever compared with texts, so one that none of them is stands for all others.
_OTHER: Final = "OTHER-THAN-THOSE"


def certain(when: str, roles: frozenset[str], methods: Iterable[str]) -> bool | None:
    """What a sound condition gives to a principal of these roles by any of the methods; none means all."""
    asked = condition(_NAMED.sub(lambda found: found[1] or _NOBODYS, when), ())
    principal = Principal("", "", roles)
    tried = tuple(methods) or (*_TEXT.findall(when), _OTHER)
    verdicts = {asked(Exchange(request(method), b"", ()), principal) for method in tried}
    return verdicts.pop() if len(verdicts) == 1 else None


def request(method: str) -> Request:
    """A request that says nothing but its method."""
    return Request(method.encode(), b"", b"/", b"", [], {}, 0, "", False, Block(()))
