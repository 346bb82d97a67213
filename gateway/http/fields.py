"""Header fields: which are forwarded, which are noted for policies, which never pass.

A raw name is judged once and its rule remembered, so a known spelling costs one dictionary look-up.
The tables below are the only place that knows which field is hop-by-hop, managed or an identity field. Fields
travel as the lines they came as: what the parser has validated is not taken apart and joined again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from gateway.http.reason import Reason

Field = tuple[bytes, bytes]

# Raw spellings remembered per table. When they are more, all are forgotten: a client that invents names pays
# for its own misses, and cannot keep the usual names out. A longer name is never worth its memory.
_LEARNED_AT_MOST: Final = 4096
_LEARNED_LENGTH: Final = 64

_PLAIN: Final = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Malformed(Exception):
    """A message that must be refused: `reason` says why, nothing of the message is kept."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@final
@dataclass(frozen=True, slots=True)
class FieldRule:
    """What happens to one field: is it forwarded, is its value noted, may it be repeated.

    `bit` is not 0 where a route has a value that steps in for the absent field.
    """

    name: bytes
    forwarded: bool
    noted: bool
    joined_by: bytes | None  # None: a second field line of this name is refused
    bit: int = 0


@final
class FieldTable(dict[bytes, FieldRule | None]):
    """Raw field name -> rule, or None for a field that is just forwarded; learns spellings as they come.

    A name without a rule is dropped if it begins with one of `prefixes`, or, with `drop_aliases`, if a
    backend may take it for another one or it is an unlisted member of the `X-Forwarded-*` family.
    """

    def __init__(
        self, rules: Iterable[FieldRule], *, prefixes: tuple[bytes, ...] = (), drop_aliases: bool = False
    ) -> None:
        super().__init__()
        self._rules = {rule.name: rule for rule in rules}
        self._prefixes = prefixes
        self._drop_aliases = drop_aliases

    def __missing__(self, raw: bytes) -> FieldRule | None:
        name = raw.lower()
        rule = self._rules.get(name)
        if rule is None and (name.startswith(self._prefixes) or (self._drop_aliases and _misleads(name))):
            rule = FieldRule(name, forwarded=False, noted=False, joined_by=b", ")
        if len(raw) <= _LEARNED_LENGTH:
            if len(self) >= _LEARNED_AT_MOST:
                self.clear()
            self[raw] = rule
        return rule


def _misleads(name: bytes) -> bool:
    # WSGI, CGI and PHP read `X_Auth_Subject` and `X.Auth.Subject` as `X-Auth-Subject`; some CGI servers turn
    # every other character of a token (RFC 9110 5.6.2) into the same `_`.
    return bool(name.translate(None, _PLAIN)) or name.startswith(b"x-forwarded-")


def _rules(forwarded: bool, noted: bool, joined_by: bytes | None, names: str) -> list[FieldRule]:
    return [FieldRule(name.encode(), forwarded, noted, joined_by) for name in names.split()]


# RFC 9110 7.6.1, and what we write anew on the other side.
_HOP_BY_HOP: Final = "keep-alive proxy-connection proxy-authenticate proxy-authorization http2-settings"
# Set by us from the verified principal only: all of the family, also what backends may know and we do not.
_IDENTITY: Final = b"x-auth-"
# A backend that believes these acts on a method, a host or a path that no policy saw.
_OVERRIDES: Final = (
    "x-http-method-override x-http-method x-method-override x-original-method x-original-url x-original-uri "
    "x-original-host x-rewrite-url x-http-host-override"
)
# CGI hands `Proxy` to programs as HTTP_PROXY, which their own HTTP clients obey.
_OTHERS: Final = "x-real-ip proxy"

REQUEST_FIELDS: Final = FieldTable(
    [
        *_rules(False, True, None, "host content-length transfer-encoding expect x-request-id"),
        *_rules(False, True, b", ", "connection te upgrade via forwarded x-forwarded-for"),
        *_rules(False, True, b", ", "x-forwarded-proto x-forwarded-host x-forwarded-port"),
        # W3C Trace Context 3.2.1, 3.3.1.2: two of the first are none, several of the second are one list.
        *_rules(False, True, b",", "traceparent tracestate baggage"),
        *_rules(False, False, b", ", f"{_HOP_BY_HOP} trailer {_OVERRIDES} {_OTHERS}"),
        *_rules(True, True, None, "authorization origin content-type sec-fetch-site"),
        *_rules(True, True, None, "access-control-request-method max-forwards"),
        *_rules(True, True, b", ", "access-control-request-headers content-encoding user-agent"),
        *_rules(True, True, b"; ", "cookie"),
    ],
    prefixes=(_IDENTITY,),
    drop_aliases=True,
)

RESPONSE_RULES: Final = (
    *_rules(False, True, None, "content-length transfer-encoding"),
    *_rules(False, True, b", ", "connection trailer upgrade via"),
    *_rules(False, False, b", ", f"{_HOP_BY_HOP} te x-request-id traceresponse"),
    *_rules(True, True, b", ", "date location retry-after"),
)

_PLAIN_CONNECTION: Final = frozenset([b"keep-alive", b"close", b"Keep-Alive", b"Close"])


def sift(lines: list[bytes], table: FieldTable) -> tuple[list[bytes], dict[bytes, bytes], int]:
    """Sort the field lines of a head that the parser has found valid.

    Gives those to forward, in order and as they came; the noted values by lower-case name; and the joined
    bits of the rules that were met. A field named in `Connection` is taken from both, unless it is one that
    we manage ourselves. Raises Malformed where a field that may stand only once is repeated.
    """
    forwarded: list[bytes] = []
    noted: dict[bytes, bytes] = {}
    present = 0
    for line in lines:
        name, _, value = line.partition(b":")
        rule = table[name]
        if rule is None:
            forwarded.append(line)
            continue
        if rule.forwarded:
            forwarded.append(line)
            present |= rule.bit
        if rule.noted:
            name = rule.name
            # The parser lets no other white space pass than blanks and tabs.
            value = value.strip()
            if name not in noted:
                noted[name] = value
            elif rule.joined_by is None:
                raise Malformed(Reason.DUPLICATE_FIELD)
            else:
                noted[name] += rule.joined_by + value
    connection = noted.get(b"connection")
    if connection is not None and connection not in _PLAIN_CONNECTION:
        forwarded = _without_named(connection, forwarded, noted, table)
    return forwarded, noted, present


def field_of(line: bytes) -> Field:
    """The name and the value of a field line."""
    name, _, value = line.partition(b":")
    return name, value.strip(b" \t")


def _without_named(
    connection: bytes, forwarded: list[bytes], noted: dict[bytes, bytes], table: FieldTable
) -> list[bytes]:
    # RFC 9110 7.6.1: "Intermediaries MUST parse a received Connection header field before a message is
    # forwarded and, for each connection-option in this field, remove any header or trailer field(s)".
    named = {option.strip(b" \t").lower() for option in connection.split(b",")}
    for name in named & noted.keys():
        rule = table[name]
        if rule is not None and rule.forwarded:
            del noted[name]
    return [line for line in forwarded if line.partition(b":")[0].lower() not in named]
