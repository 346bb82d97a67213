"""What each key of gateway.yaml means for access, and of the files of keys and users.

`tests/diff/test_tables.py` holds them against the schema: no key is left out.
"""

from typing import Final

from gateway.diff.order import (
    guards,
    less,
    members,
    members_or_all,
    more,
    neutral,
    ranks,
    trusted,
    unproved,
)
from gateway.diff.section import Nested, Table

_OPENER = ranks("refuse", "merge", "allow")

LISTENER: Final[Table] = {
    "address": unproved,
    "trusted_proxies": trusted,
    "forwarded_by": unproved,
    "trace_context": ranks("restart", "continue"),
    "path": Nested({"slashes": _OPENER, "semicolon": _OPENER, "encoded_slash": _OPENER}),
    "tls": Nested(
        {
            "certificates": neutral,
            "min_version": less,
            "client_ca": unproved,
            "client_auth": ranks("required", "optional", None),
        },
        absent=guards,
    ),
}

ADMIN: Final[Table] = {
    "address": unproved,
    "token": guards,
    "cors": Nested({"allow_origins": members}),
}

LIMITS: Final[Table] = dict.fromkeys(
    ("request_line", "fields", "head", "body", "requests", "connections"), more
)

# How long an attacker may hold a connection is a bound, too; how a drain goes is none.
TIMEOUTS: Final[Table] = {
    **dict.fromkeys(("head", "body_idle", "write_idle", "keep_alive"), more),
    **dict.fromkeys(("min_drain", "drain"), neutral),
}

QUOTA_STORE: Final[Table] = {
    "redis": neutral,
    "timeout": neutral,
    "on_failure": ranks("deny", "local", "allow"),
    "fields": neutral,
}

TELEMETRY: Final[Table] = {
    "traces": Nested(dict.fromkeys(("endpoint", "protocol", "sample", "baggage"), neutral)),
    "access_log": Nested(dict.fromkeys(("format", "path"), neutral)),
    "log": Nested(dict.fromkeys(("format", "level"), neutral)),
    "decisions": neutral,
}

UPSTREAM: Final[Table] = {
    # Another place that answers is another service, for all that can be told.
    "endpoints": members,
    "host": unproved,
    "tls": Nested(dict.fromkeys(("ca", "server_name", "certificate", "key"), unproved), absent=unproved),
    **dict.fromkeys(("balance", "health", "outlier", "pool", "timeouts", "retry"), neutral),
}

ISSUER: Final[Table] = {
    **dict.fromkeys(("issuer", "discovery", "jwks", "secret"), unproved),
    "jwks_origins": members,
    "keys": unproved,
    "introspection": Nested(
        {
            **dict.fromkeys(("url", "client_id", "client_secret"), unproved),
            "timeout": neutral,
            "cache": more,
        },
        absent=unproved,
    ),
    "insecure_http": more,
    "resource_metadata": neutral,
    "audience": members_or_all,
    "algorithms": members,
    "leeway": more,
    "token": Nested({**dict.fromkeys(("header", "cookie", "query"), unproved), "forward": more}),
    "claims": Nested(dict.fromkeys(("subject", "roles", "scopes"), unproved)),
}

# Who stands in the files is told one by one.
API_KEYS: Final[Table] = {"file": neutral, "header": unproved, "forward": more}
BASIC_USERS: Final[Table] = {"file": neutral, "forward": more}

CERTIFICATES: Final[Table] = {"subject": unproved, "roles": unproved}

FORWARD_AUTH: Final[Table] = {
    **dict.fromkeys(("url", "copy_", "subject"), unproved),
    "timeout": neutral,
    "insecure_http": more,
    "forward": more,
}

API_KEY: Final[Table] = {
    "id": unproved,
    **dict.fromkeys(("sha256", "principal", "tier"), unproved),
    "roles": members,
    "scopes": members,
    "not_before": less,
    "expires": more,
    "disabled": ranks(True, False),
}

USER: Final[Table] = {
    "name": unproved,
    **dict.fromkeys(("hash", "tier"), unproved),
    "roles": members,
    "scopes": members,
    "disabled": ranks(True, False),
}

GATEWAY: Final[Table] = {
    **dict.fromkeys(("version", "name", "workers", "watch"), neutral),
    "admin": Nested(ADMIN),
    "limits": Nested(LIMITS),
    "timeouts": Nested(TIMEOUTS),
    "quota_store": Nested(QUOTA_STORE),
    "telemetry": Nested(TELEMETRY),
    # Who may ask with them is said by the `auth` of routes.
    "api_keys": Nested(API_KEYS),
    "basic_users": Nested(BASIC_USERS),
    "certificates": Nested(CERTIFICATES),
}
# What has names is compared name by name; what only one side has counts by what routes say of it.
NAMED: Final[dict[str, tuple[str, Table]]] = {
    "upstreams": ("upstream", UPSTREAM),
    "issuers": ("issuer", ISSUER),
    "forward_auth": ("forward_auth", FORWARD_AUTH),
}
# What is told elsewhere: listeners by their addresses, the rest route by route.
ELSEWHERE: Final = frozenset(["listeners", "policies", "defaults"])
