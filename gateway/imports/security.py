"""What a document demands of those who ask, in the words of a route: `auth` and `allow`.

It is never made less. Where a route can only demand more (one `allow` holds for all methods of a route), it
does, and says so; what it cannot demand at all raises.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from gateway.config.names import BUILT_IN_AUTH
from gateway.config.values import FIELD_NAME, SCOPE
from gateway.http.fields import REQUEST_FIELDS
from gateway.imports.wording import name, unique

_PUBLIC: Final = "public"
_METADATA: Final = "/.well-known/openid-configuration"
_URL: Final = r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
# Nobody has a name below it (RFC 2606 2), so no token is taken before the operator has said whose.
_NOBODY: Final = "https://issuer.invalid"


class UnmappedError(ValueError):
    """What a route cannot demand."""


@final
@dataclass(frozen=True, slots=True)
class Demand:
    """`auth` in its order, `scopes` that every principal must have, and what there is to tell of both."""

    auth: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@final
@dataclass(slots=True)
class Needs:
    """What gateway.yaml must have for the routes: URLs of issuers by name, and the other ways to prove it."""

    issuers: dict[str, str] = field(default_factory=dict)
    key_header: str = ""
    basic: bool = False


@final
class Security:
    """The schemes of a document; `needs` grows as they are asked for."""

    def __init__(self, schemes: Mapping[str, Any]) -> None:
        self.needs = Needs()
        self._schemes = schemes
        self._issuers: dict[str, str] = {}
        # Which scheme a method stands for that there is one of.
        self._names: dict[str, str] = {}
        self._taken = set(BUILT_IN_AUTH)

    def demand(self, said: object) -> Demand:
        """What a list of requirements comes to. Raises UnmappedError."""
        if not isinstance(said, list):
            raise UnmappedError("expected `security` to be a list")
        if not said:
            return Demand((_PUBLIC,))
        alternatives: list[tuple[str, tuple[str, ...]]] = []
        notes = []
        for each in said:
            try:
                alternatives.append(self._alternative(each))
            except UnmappedError as error:
                notes.append(str(error))
        if not alternatives:
            raise UnmappedError("; ".join(notes))
        # One way in less is no weaker demand.
        notes = [f"an alternative less: {note}" for note in notes]
        auth = tuple(dict.fromkeys(method for method, _ in alternatives if method != _PUBLIC))
        every = [set(scopes) for _, scopes in alternatives]
        scopes = tuple(dict.fromkeys(scope for _, scopes in alternatives for scope in scopes))
        is_open = any(method == _PUBLIC for method, _ in alternatives)
        if any(each != set(scopes) for each in every):
            notes.append("the document asks for other scopes of each: here all of them are asked for")
        return Demand((*auth, _PUBLIC) if is_open else auth, scopes, tuple(notes))

    def _alternative(self, said: object) -> tuple[str, tuple[str, ...]]:
        if said == {}:
            return _PUBLIC, ()
        if not isinstance(said, dict) or len(said) != 1:
            raise UnmappedError("several schemes at once: a route takes one proof of a request")
        ((scheme, scopes),) = said.items()
        if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
            raise UnmappedError(f"{scheme}: expected a list of scopes")
        for scope in scopes:
            if not re.fullmatch(SCOPE, scope) or "${" in scope:
                raise UnmappedError(f"{scheme}: {scope!r} is no scope")
        return self._method(scheme), tuple(scopes)

    def _method(self, scheme: str) -> str:
        found = self._schemes.get(scheme)
        if not isinstance(found, dict):
            raise UnmappedError(f"{scheme}: no such scheme")
        kind, way = found.get("type"), str(found.get("scheme", "")).lower()
        if kind in ("oauth2", "openIdConnect") or (kind == "http" and way == "bearer"):
            return self._issuer(scheme, found)
        if kind == "http" and way == "basic":
            self._only(scheme, "basic")
            self.needs.basic = True
            return "basic"
        if kind == "apiKey" and found.get("in") == "header":
            return self._key(scheme, str(found.get("name", "")))
        if kind == "apiKey":
            raise UnmappedError(f"{scheme}: keys are taken from header fields only")
        raise UnmappedError(f"{scheme}: nobody here takes such a proof ({kind} {way})")

    def _issuer(self, scheme: str, found: Mapping[str, Any]) -> str:
        if scheme not in self._issuers:
            self._issuers[scheme] = unique(name(scheme, "issuer"), self._taken)
            self.needs.issuers[self._issuers[scheme]] = _issuer_at(found.get("openIdConnectUrl"))
        return self._issuers[scheme]

    def _key(self, scheme: str, header: str) -> str:
        if not re.fullmatch(FIELD_NAME, header) or REQUEST_FIELDS[header.encode()] is not None:
            raise UnmappedError(f"{scheme}: {header!r} is no field that holds nothing but keys")
        self._only(scheme, "api_key")
        self.needs.key_header = header
        return "api_key"

    def _only(self, scheme: str, method: str) -> None:
        """Two schemes that one method proves would be one: whoever proves the first had proved the other."""
        if self._names.setdefault(method, scheme) != scheme:
            raise UnmappedError(f"{scheme}: {method} stands for {self._names[method]} already")


def _issuer_at(url: object) -> str:
    """The issuer whose metadata stand at a URL (OpenID Connect Discovery 4.1)."""
    is_known = isinstance(url, str) and re.fullmatch(_URL, url) and url.endswith(_METADATA)
    return str(url)[: -len(_METADATA)] if is_known else _NOBODY
