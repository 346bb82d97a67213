"""The reference of reasons, as Markdown: each word that a refusal bears, its status, and what it means."""

from typing import Final

from gateway.http.reason import Reason

_INTRODUCTION: Final = """\
# Reasons

<!-- Made by `gateway schema --write`; the words stand in gateway/config/reasons.py. -->

Every refusal of the gateway's own is a problem document (RFC 9457) with one `reason`, and with the
`request_id` that stands in `X-Request-Id`, too. The detail is for people and may change; the word does not.
"""
_HEAD: Final = "| reason | status | what it means |\n| --- | --- | --- |\n"

Row = tuple[Reason, str, str]

# Who reads it is an operator with a refusal in his hand: what happened, and which key has a say in it.
REASONS: Final[dict[str, tuple[Row, ...]]] = {
    "What could be read in two ways": (
        (
            Reason.MALFORMED,
            "400",
            "It is no HTTP/1.1: a bare LF, a bad name, a folded field, bad chunks.",
        ),
        (Reason.FRAMING, "400", "The length of the body is in doubt: two lengths, a length beside chunks."),
        (Reason.VERSION, "505", "Another version of HTTP than 1.0 and 1.1."),
        (Reason.TARGET, "400", "The request target is no path, no URL and no `*`."),
        (Reason.PATH, "400", "Two programs could read the path differently; `listeners.path` has a say."),
        (Reason.HOST, "400", "`Host` is missing, repeated, no host, or not that of the target."),
        (Reason.DUPLICATE_FIELD, "400", "A field that may be sent once was sent again."),
        (Reason.EXPECTATION, "417", "Something else than `100-continue` was expected."),
        (Reason.METHOD_REFUSED, "405", "CONNECT or TRACE, which no route can have."),
    ),
    "Too large, too slow": (
        (Reason.TARGET_TOO_LONG, "414", "The request line is longer than `limits.request_line`."),
        (
            Reason.FIELDS_TOO_LARGE,
            "431",
            "The head is over `limits.head` or `limits.fields`.",
        ),
        (Reason.BODY_TOO_LARGE, "413", "The body is larger than `limits.body` or `validate.max_body`."),
        (
            Reason.REQUEST_TIMEOUT,
            "408",
            "It came too slowly: `timeouts.head`, `timeouts.body_idle`.",
        ),
        (Reason.OVERLOADED, "503", "There are `limits.connections` or `limits.requests` already."),
        (
            Reason.DRAINING,
            "503",
            "The gateway ends, and `timeouts.drain` was over before there was an answer.",
        ),
    ),
    "Where it goes": (
        (Reason.NO_ROUTE, "404", "No route has this host and path, or these fields."),
        (
            Reason.METHOD_NOT_ALLOWED,
            "405",
            "The path has no route for the method; `Allow` lists others.",
        ),
        (Reason.UNKNOWN_OPERATION, "404", "The OpenAPI document of the route does not have the operation."),
    ),
    "Browsers": (
        (
            Reason.ORIGIN_DENIED,
            "403",
            "`cors` does not list the origin; a preflight gets 204.",
        ),
        (Reason.PREFLIGHT_METHOD, "204", "A preflight for a method that `cors.allow_methods` does not have."),
        (Reason.PREFLIGHT_FIELDS, "204", "A preflight for fields that `cors.allow_headers` does not have."),
        (Reason.CROSS_SITE_REQUEST, "403", "Another site made a browser send it: `csrf`."),
    ),
    "Who asks": (
        (Reason.ADDRESS_DENIED, "403", "`clients` does not admit the address."),
        (Reason.NO_CREDENTIALS, "401", "The route has `auth`, and nothing was shown."),
        (Reason.MALFORMED_CREDENTIALS, "400", "What was shown cannot be what it says it is."),
        (Reason.AMBIGUOUS_CREDENTIALS, "401", "Several tokens, and not the same."),
        (Reason.INVALID_TOKEN, "401", "The token's form, algorithm or signature is wrong."),
        (Reason.UNKNOWN_KEY, "401", "The issuer has no key of the name that the token says."),
        (Reason.EXPIRED, "401", "The token's time is over, `leeway` and all."),
        (Reason.EARLY, "401", "The token's time has not come, or it was made in the future."),
        (Reason.WRONG_ISSUER, "401", "The token is another issuer's."),
        (Reason.WRONG_AUDIENCE, "401", "The token is meant for somebody else than `audience`."),
        (Reason.WRONG_KIND, "401", "It is no access token but, say, an ID token."),
        (Reason.BOUND, "401", "The token belongs to a client certificate that was not shown."),
        (Reason.UNUSABLE_CLAIMS, "401", "The claims do not say who asks, or not in a form that can be used."),
        (Reason.KEYS_UNAVAILABLE, "503", "The issuer's keys cannot be had, and none are left from before."),
        (Reason.INACTIVE, "401", "The issuer says that the token does not hold."),
        (Reason.INVALID_KEY, "401", "No API key is like this one."),
        (Reason.KEY_EXPIRED, "401", "The API key's time is over."),
        (Reason.KEY_EARLY, "401", "The API key's time has not come."),
        (Reason.KEY_DISABLED, "403", "The API key is disabled."),
        (Reason.WRONG_PASSWORD, "401", "No user has this password."),
        (Reason.USER_DISABLED, "403", "The user is disabled."),
        (Reason.UNUSABLE_CERTIFICATE, "401", "The client certificate does not name exactly one subject."),
        (Reason.CERTIFICATE_EXPIRED, "401", "The client certificate's time is over."),
        (Reason.UNKNOWN_TO_SERVICE, "401", "The service of `forward_auth` does not know who asks."),
        (Reason.DENIED_BY_SERVICE, "403", "The service of `forward_auth` says no."),
        (Reason.VERIFIER_BUSY, "503", "Too many passwords wait to be verified."),
        (Reason.VERIFIER_UNAVAILABLE, "503", "Whoever has to verify it does not answer, or not usably."),
    ),
    "Who may": (
        (Reason.MISSING_PERMISSION, "403", "No role of the principal has a permission that `allow` demands."),
        (Reason.MISSING_ROLE, "403", "The principal has none of the roles of `allow`."),
        (Reason.INSUFFICIENT_SCOPE, "403", "The token lacks a scope of `allow`."),
        (Reason.CONDITION_FAILED, "403", "`allow.when` is not known to hold."),
    ),
    "How often": (
        (Reason.QUOTA_EXCEEDED, "429", "A tier of `quota` is used up; `Retry-After` says for how long."),
        (Reason.QUOTA_UNAVAILABLE, "503", "The quota store does not answer, and `on_failure` is `deny`."),
    ),
    "What it looks like": (
        (
            Reason.UNSUPPORTED_MEDIA_TYPE,
            "415",
            "`validate` does not list the media type or charset.",
        ),
        (Reason.UNSUPPORTED_ENCODING, "415", "The body is compressed, and `validate` looks into it."),
        (Reason.MISSING_BODY, "400", "There is no body, and one is needed."),
        (Reason.MALFORMED_BODY, "400", "The body is no JSON, or parsers read it in different ways."),
        (Reason.INVALID_BODY, "422", "The body is not as its schema says; `errors` tells where."),
        (Reason.INVALID_QUERY, "400", "The query cannot be read, or is not as its schema says."),
        (Reason.INVALID_PARAMETER, "400", "A parameter is not as the OpenAPI document says."),
    ),
    "The backend": (
        (Reason.UPSTREAM_DNS, "502", "Its name was not found."),
        (Reason.UPSTREAM_DNS_TIMEOUT, "504", "Its name was not found in time."),
        (Reason.UPSTREAM_REFUSED, "502", "Nobody listens there."),
        (Reason.UPSTREAM_UNROUTABLE, "502", "No way leads there."),
        (Reason.UPSTREAM_CONNECT_TIMEOUT, "504", "It took no connection within `timeouts.connect`."),
        (Reason.UPSTREAM_TLS, "502", "No TLS could be spoken with it."),
        (Reason.UPSTREAM_CERTIFICATE, "502", "Its certificate does not prove its name: `tls`."),
        (Reason.UPSTREAM_RESET, "502", "It hung up before its response was whole."),
        (Reason.NO_DESCRIPTOR, "503", "The system gives the gateway no descriptor for a connection to it."),
        (Reason.UPSTREAM_TIMEOUT, "504", "It did not answer within `timeouts.response`."),
        (Reason.UPSTREAM_PROTOCOL, "502", "What it sent is no HTTP/1.1."),
        (Reason.UPSTREAM_UNAVAILABLE, "503", "None of its endpoints is well."),
        (Reason.UPSTREAM_BUSY, "503", "All connections are taken, and too many wait: `pool`."),
        (Reason.LOOP, "502", "The request came back to the gateway that sent it."),
    ),
    "The gateway": ((Reason.INTERNAL, "500", "It failed; the log has the `request_id`."),),
}


def reasons() -> str:
    """The reference, one section a kind."""
    sections = [
        f"## {kind}\n\n{_HEAD}"
        + "".join(f"| `{reason}` | {status} | {text} |\n" for reason, status, text in rows)
        for kind, rows in REASONS.items()
    ]
    return "\n".join([_INTRODUCTION, *sections])
