"""The published sets of security headers a route may begin with.

Values are byte for byte those of their source: Helmet 8.3 and the OWASP Secure Headers list of 2026-07-19.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

from gateway.policy.disclosure import DISCLOSING


@final
@dataclass(frozen=True, slots=True)
class Preset:
    """A published set of fields, name -> value; a name in `remove` with a trailing `*` is a prefix."""

    set: Mapping[str, str]
    default: Mapping[str, str]
    remove: tuple[str, ...]


# `default` is what the author of a page may know better: what it loads, embeds and is embedded by, what it
# tells other sites, how long it keeps. Two policies in one response narrow each other, so ours never joins a
# backend's (CSP3 8.1). All else has one safe value and is `set`; X-Frame-Options too, because browsers heed
# the frame-ancestors of the policy instead of it.
_HELMET = Preset(
    set={
        "Origin-Agent-Cluster": "?1",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "X-DNS-Prefetch-Control": "off",
        "X-Download-Options": "noopen",
        "X-Frame-Options": "SAMEORIGIN",
        "X-Permitted-Cross-Domain-Policies": "none",
        "X-XSS-Protection": "0",
    },
    default={
        "Content-Security-Policy": (
            "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';"
            "frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';"
            "script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
    },
    # Helmet takes away this one name only; `Server` and the rest of the list go with `owasp` and `api`.
    remove=("x-powered-by",),
)

# Without Clear-Site-Data, which would log people out on every response.
_OWASP = Preset(
    set={
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "X-DNS-Prefetch-Control": "off",
        "X-Frame-Options": "deny",
        "X-Permitted-Cross-Domain-Policies": "none",
    },
    default={
        "Cache-Control": "no-store, max-age=0",
        "Content-Security-Policy": (
            "default-src 'self'; form-action 'self'; base-uri 'self'; object-src 'none'; "
            "frame-ancestors 'none'; upgrade-insecure-requests"
        ),
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": (
            "accelerometer=(), autoplay=(), camera=(), cross-origin-isolated=(), display-capture=(), "
            "encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), keyboard-map=(), "
            "magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), "
            "publickey-credentials-get=(), screen-wake-lock=(), sync-xhr=(self), usb=(), web-share=(), "
            "xr-spatial-tracking=(), clipboard-read=(), clipboard-write=(), gamepad=(), hid=(), "
            "idle-detection=(), interest-cohort=(), serial=(), unload=()"
        ),
        "Referrer-Policy": "no-referrer",
    },
    remove=DISCLOSING,
)

# For JSON that nothing should render, frame or store. The resource policy stays `same-origin` on routes with
# CORS too: it does not apply to CORS requests, and those who want their images embedded elsewhere say so.
_API = Preset(
    set={
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "X-DNS-Prefetch-Control": "off",
        "X-Frame-Options": "DENY",
        "X-Permitted-Cross-Domain-Policies": "none",
    },
    default={
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
    },
    remove=DISCLOSING,
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {"helmet": _HELMET, "api": _API, "owasp": _OWASP, "none": Preset({}, {}, ())}
)
