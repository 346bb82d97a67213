"""The reference of security headers, as Markdown: what each is for, and what each preset does about it."""

from collections.abc import Iterator
from typing import Final

from gateway.policy.disclosure import DISCLOSING
from gateway.policy.presets import PRESETS, Preset

# Not one field but all of a list.
DISCLOSURE: Final = "Server and its kin"

# The fields of the OWASP Secure Headers list of 2026-07-19, and those that it wants taken away.
PURPOSES: Final[dict[str, str]] = {
    "Cache-Control": "Who may keep an answer, and for how long.",
    "Clear-Site-Data": "What a browser throws away when somebody logs out.",
    "Content-Security-Policy": "What a page may load and run, and who may frame it.",
    "Cross-Origin-Embedder-Policy": "Nothing is embedded that has not agreed to it.",
    "Cross-Origin-Opener-Policy": "Windows of other sites get no hold of this one.",
    "Cross-Origin-Resource-Policy": "Which sites may embed the answer.",
    "Permissions-Policy": "Which devices and abilities a page and its frames may use.",
    "Referrer-Policy": "What other sites learn of where a visitor comes from.",
    "Strict-Transport-Security": "Browsers come back over TLS only.",
    "X-Content-Type-Options": "A browser takes an answer for what it says it is.",
    "X-DNS-Prefetch-Control": "Names in a page are not looked up before somebody follows a link.",
    "X-Frame-Options": "Who may frame a page, for browsers without `frame-ancestors`.",
    "X-Permitted-Cross-Domain-Policies": "Nothing of Adobe's reads across sites.",
    DISCLOSURE: "Nobody is told of the software behind.",
}
_OF_HELMET: Final = {
    "Origin-Agent-Cluster": "Pages of one origin share a process with no other.",
    "X-Download-Options": "Old browsers do not open a download in the context of the site.",
    "X-XSS-Protection": "`0` turns a filter off that old browsers can be attacked through.",
}
_INTRODUCTION: Final = """\
# Security headers

<!-- Made by `gateway schema --write`; the words stand in gateway/config/header_manual.py. -->

Every response has the headers of its route, the gateway's own refusals too. A route, a file's `defaults` or
those of gateway.yaml say which: `headers: NAME`, the name of a preset or of a policy under `headers:`.

| preset | for |
| --- | --- |
| `api` | what programs read: a browser may render, frame and keep none of it |
| `owasp` | pages, by the published list of the OWASP Secure Headers project |
| `helmet` | pages, by what Helmet for Node.js sends; the one without a word |
| `none` | a service that says all of it itself |

`set` replaces what the service sent. `default` steps in only where it sent nothing: about pages their author
knows more. `removed` is taken away. What stands in no column passes as the service sent it.

| header | what for | `api` | `owasp` | `helmet` |
| --- | --- | --- | --- | --- |
"""
_CHANGES: Final = """
`Strict-Transport-Security` leaves on secure connections only: on a listener with `tls`, or where a proxy of
`trusted_proxies` says so. `Clear-Site-Data` is in no preset: it belongs on the route of a logout.

## Changing one

A policy begins with a preset and changes it name by name; what it names has no other meaning left.

```yaml
headers:
  shop:
    preset: api
    set: {Cross-Origin-Resource-Policy: same-site} # whatever the service says
    default: {Cache-Control: "public, max-age=60"} # where it says nothing
    remove: ["X-Shop-*"] # by prefix
```

A misspelt directive, a keyword without its quotes, a value that browsers would ignore: each is an error with
its place. `gateway explain` shows what is done to the answers of a route, and `gateway audit` which of these
headers a route does without (`AZ305` to `AZ309`).

## Values
"""
_PRESETS: Final = ("api", "owasp", "helmet")


def header_manual() -> str:
    """The text of docs/security-headers.md."""
    rows = [_row(name, purpose) for name, purpose in (PURPOSES | _OF_HELMET).items()]
    values = [f"\n### `{name}`\n\n```text\n" + "\n".join(_values(name)) + "\n```\n" for name in _PRESETS]
    gone = f"\n`{DISCLOSURE}` are the names that the same list wants removed: {', '.join(DISCLOSING)}.\n"
    return _INTRODUCTION + "".join(rows) + _CHANGES + "".join(values) + gone


def _row(name: str, purpose: str) -> str:
    cells = [_said(PRESETS[preset], name) for preset in _PRESETS]
    shown = name if name == DISCLOSURE else f"`{name}`"
    return f"| {' | '.join([shown, purpose, *cells])} |\n"


def _said(preset: Preset, name: str) -> str:
    if name == DISCLOSURE:
        if set(preset.remove) == {*DISCLOSING}:
            return "removed"
        return "removed: " + ", ".join(f"`{each}`" for each in preset.remove)
    return "set" if name in preset.set else "default" if name in preset.default else ""


def _values(name: str) -> Iterator[str]:
    preset = PRESETS[name]
    yield from (f"set      {field}: {value}" for field, value in preset.set.items())
    yield from (f"default  {field}: {value}" for field, value in preset.default.items())
