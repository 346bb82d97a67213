"""The closed vocabulary of why a request was refused or failed.

One word per cause, the same in the problem body, the log, the span, the metric and `explain`.
It stands at the lowest level because the wire refuses too; `gateway.policy` offers it to policies.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a request did not get an answer of its backend's."""

    # What the client sent cannot be a request, or could be read in two ways.
    MALFORMED = "malformed_request"
    FRAMING = "ambiguous_framing"
    VERSION = "unsupported_version"
    TARGET = "bad_target"
    PATH = "bad_path"
    HOST = "bad_host"
    DUPLICATE_FIELD = "duplicate_field"
    EXPECTATION = "expectation_failed"
    METHOD_REFUSED = "method_refused"
    # Bounds of size and time.
    TARGET_TOO_LONG = "target_too_long"
    FIELDS_TOO_LARGE = "fields_too_large"
    BODY_TOO_LARGE = "body_too_large"
    REQUEST_TIMEOUT = "request_timeout"
    # Routing.
    NO_ROUTE = "no_route"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    # Policies.
    ADDRESS_DENIED = "address_denied"
    ORIGIN_DENIED = "origin_denied"
    PREFLIGHT_METHOD = "preflight_method"
    PREFLIGHT_FIELDS = "preflight_fields"
    CROSS_SITE_REQUEST = "cross_site_request"
    MISSING_PERMISSION = "missing_permission"
    MISSING_ROLE = "missing_role"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    CONDITION_FAILED = "condition_failed"
    # Who asks. Whatever could help to forge a token is one word; the others are told of a token whose
    # signature is good, or of one that says itself which key it means.
    NO_CREDENTIALS = "no_credentials"
    MALFORMED_CREDENTIALS = "malformed_credentials"
    AMBIGUOUS_CREDENTIALS = "ambiguous_credentials"
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - a word.
    UNKNOWN_KEY = "unknown_key"
    EXPIRED = "token_expired"
    EARLY = "token_not_yet_valid"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_KIND = "not_an_access_token"
    BOUND = "bound_token"
    UNUSABLE_CLAIMS = "unusable_claims"
    KEYS_UNAVAILABLE = "keys_unavailable"
    INACTIVE = "inactive_token"
    INVALID_KEY = "invalid_api_key"
    KEY_EXPIRED = "api_key_expired"
    KEY_EARLY = "api_key_not_yet_valid"
    KEY_DISABLED = "api_key_disabled"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a word.
    USER_DISABLED = "user_disabled"
    UNUSABLE_CERTIFICATE = "unusable_certificate"
    CERTIFICATE_EXPIRED = "certificate_expired"
    UNKNOWN_TO_SERVICE = "unknown_to_service"
    DENIED_BY_SERVICE = "denied_by_service"
    VERIFIER_BUSY = "verifier_busy"
    VERIFIER_UNAVAILABLE = "verifier_unavailable"
    QUOTA_EXCEEDED = "quota_exceeded"
    QUOTA_UNAVAILABLE = "quota_unavailable"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    MISSING_BODY = "missing_body"
    MALFORMED_BODY = "malformed_body"
    INVALID_BODY = "invalid_body"
    INVALID_QUERY = "invalid_query"
    INVALID_PARAMETER = "invalid_parameter"
    UNKNOWN_OPERATION = "unknown_operation"
    # The backend's side.
    UPSTREAM_DNS = "upstream_dns"
    UPSTREAM_DNS_TIMEOUT = "upstream_dns_timeout"
    UPSTREAM_REFUSED = "upstream_refused"
    UPSTREAM_UNROUTABLE = "upstream_unroutable"
    UPSTREAM_CONNECT_TIMEOUT = "upstream_connect_timeout"
    UPSTREAM_TLS = "upstream_tls"
    UPSTREAM_CERTIFICATE = "upstream_certificate"
    UPSTREAM_RESET = "upstream_reset"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_PROTOCOL = "upstream_protocol"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    UPSTREAM_BUSY = "upstream_busy"
    LOOP = "proxy_loop"
    # Ourselves.
    OVERLOADED = "overloaded"
    NO_DESCRIPTOR = "no_descriptor"
    DRAINING = "draining"
    INTERNAL = "internal_error"
