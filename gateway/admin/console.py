"""The console: a page at `/` of the admin listener, and the few files that it loads.

They hold no data, so they are open like the probes: what the page shows it asks for itself, with the token
that somebody gives it. Its policy lets nothing run or load but these files, and no other page frame it.
"""

from functools import partial
from importlib.resources import files
from typing import Final

from aiohttp import web

# What each path gives: a file of `static`, and its media type.
_FILES: Final = {
    "/": ("console.html", "text/html"),
    "/console/console.css": ("console.css", "text/css"),
    "/console/icon.svg": ("icon.svg", "image/svg+xml"),
    **{
        f"/console/{name}.js": (f"{name}.js", "text/javascript")
        for name in ("asking", "console", "explaining", "metrics", "page", "panels", "traffic")
    },
}
PATHS: Final = frozenset(_FILES)

_POLICY: Final = (
    *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"),
    *("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
    # No text becomes markup, not even by mistake: a browser that knows of these throws instead.
    *("require-trusted-types-for 'script'", "trusted-types 'none'"),
)
_FIELDS: Final = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def add_console(router: web.UrlDispatcher) -> None:
    """Answer for PATHS, from memory: no path of a request ever becomes one of a file."""
    folder = files("gateway.admin") / "static"
    for path, (name, media_type) in _FILES.items():
        router.add_get(path, partial(_answer, (folder / name).read_bytes(), media_type))


async def _answer(content: bytes, media_type: str, request: web.Request) -> web.Response:
    return web.Response(body=content, content_type=media_type, charset="utf-8", headers=_FIELDS)
