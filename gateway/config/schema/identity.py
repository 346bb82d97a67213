"""Who vouches for principals: issuers, keys, users, certificates, other services."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, model_validator

from gateway.config.schema.model import (
    LIST,
    NAME,
    SHAPE,
    UNSEEN,
    Duration,
    FieldName,
    Flag,
    Items,
    Name,
    Origin,
    OwnField,
    Pause,
    Spec,
    Text,
    Url,
    needed,
    optional,
    rule,
)
from gateway.policy.jwk import public_key

Algorithm = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
    "HS256",
    "HS384",
    "HS512",
]
Place = Annotated[Annotated[Text, NAME] | Annotated[Items[Text], LIST], SHAPE]


def _jwk(value: dict[str, Any]) -> dict[str, Any]:
    public_key(value)
    return value


Jwk = Annotated[dict[str, Any], AfterValidator(_jwk)]


class TokenSpec(Spec):
    """Where a token is looked for. Tokens that differ in two of the places are refused."""

    header: OwnField | None = optional(
        "A field: `Bearer TOKEN`, and beside `Authorization` the token alone, too. `Authorization`, unless a "
        "cookie or a query parameter is named."
    )
    cookie: FieldName | None = optional("A cookie.")
    query: Name | None = optional(
        "A query parameter; it is removed before the request is forwarded or logged."
    )
    forward: Flag = optional("Whether the backend sees the token too, except in the query.", False)

    @property
    def field(self) -> str | None:
        """The field that is looked at, if any."""
        return self.header or (None if self.cookie or self.query else "Authorization")


class ClaimsSpec(Spec):
    """Where the claims of a token say what we ask; a text is one member, a list is a path."""

    subject: Place = optional("Who asks.", "sub")
    roles: Place = optional("Roles.", "roles")
    scopes: Place = optional("Scopes.", "scope")


class IntrospectionSpec(Spec):
    """An endpoint that is asked about every token (RFC 7662)."""

    url: Url = needed("Where to ask.")
    client_id: Text = needed("Our name there.")
    client_secret: Annotated[Text, UNSEEN] = needed("Our secret there.")
    timeout: Duration = optional("How long an answer may take; without one 503. At most 10s.", "2s")
    cache: Pause = optional(
        "How long an answer is believed, if the token lasts as long; withdrawn tokens pass meanwhile. At "
        "most 5m, `0s` asks every time.",
        "60s",
    )


class IssuerSpec(Spec):
    """Somebody who issues tokens. One of discovery, jwks, keys, secret and introspection."""

    issuer: Url | None = optional("The `iss` of the tokens, exactly.")
    discovery: Flag = optional("Whether the keys are found through the issuer's metadata.", False)
    jwks: Url | None = optional("Where the keys are.")
    jwks_origins: Items[Origin] = optional("Other origins that the metadata may name for the keys.", ())
    # Public they should be; whoever writes a private one down by mistake need not read it in a message.
    keys: Annotated[Items[Jwk], UNSEEN] = optional("The keys themselves, as public JWK.", ())
    secret: Annotated[Text | None, UNSEEN] = optional(
        "A shared secret of 32 bytes or more, for HS256 and its kin."
    )
    introspection: IntrospectionSpec | None = optional("An endpoint that is asked about every token.")
    insecure_http: Flag = optional("Whether plain http will do beyond loopback.", False)
    resource_metadata: Url | None = optional(
        "The document about us (RFC 9728) that a 401 points at, for clients that find out whom to ask."
    )
    audience: Items[Text] = optional("Values of `aud`, one of which a token must carry.", ())
    algorithms: Items[Algorithm] = optional("Signature algorithms that are accepted.", ("RS256", "ES256"))
    leeway: Duration = optional("How far clocks may disagree; at most 60s.", "30s")
    token: TokenSpec = optional("Where a token is looked for.", {})
    claims: ClaimsSpec = optional("Where the claims say what we ask.", {})

    @model_validator(mode="after")
    def _one_source(self) -> "IssuerSpec":
        sources = (self.discovery, self.jwks, self.keys, self.secret, self.introspection)
        if sum(map(bool, sources)) != 1:
            raise rule("expected exactly one of discovery, jwks, keys, secret and introspection")
        if self.introspection is None and self.issuer is None:
            raise rule('expected the key "issuer"')
        return self


class ApiKeysSpec(Spec):
    """Keys that programs show."""

    file: Text = needed("The file of the keys, relative to this one.")
    header: OwnField = optional("The field that a key stands in.", "X-API-Key")
    forward: Flag = optional("Whether the backend sees the key too.", False)


class BasicUsersSpec(Spec):
    """Users with a password, who show it as `Authorization: Basic`."""

    file: Text = needed("The file of the users, relative to this one.")
    forward: Flag = optional("Whether the backend sees the password too.", False)


class CertificatesSpec(Spec):
    """How a client certificate becomes a principal: by the one name of this kind in it."""

    subject: Literal["san_dns", "san_uri", "san_email", "common_name"] = optional(
        "What names it. A certificate with several such names is refused, and one with a wildcard.", "san_dns"
    )
    roles: dict[Text, Items[Name]] = optional("Roles by subject.", {})


class ForwardAuthSpec(Spec):
    """A service that decides about a request: 2xx lets it pass, 401 and 403 refuse, all else is a 503."""

    url: Url = needed("Where to ask.")
    timeout: Duration = optional("How long an answer may take. At most 10s.", "500ms")
    copy_: Items[OwnField] = optional(
        "Fields of the answer that join the request, instead of those that the client sent.", (), alias="copy"
    )
    subject: FieldName | None = optional(
        "The field of the answer that says who asks; an answer without it is a 503. Absent: all who pass are "
        "one principal, with the name of the service as its subject."
    )
    insecure_http: Flag = optional("Whether plain http will do beyond loopback.", False)
    forward: Flag = optional("Whether the backend sees `Authorization` too; cookies always pass.", False)
