"""Texts that stand for something: durations, sizes, rates, networks, addresses, names of fields and hosts.

Every function takes the text and gives the value, or raises ValueError with what it expected; who calls it
says what it got.
"""

import re
from datetime import datetime
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from gateway.config.snapshot import Address, Network
from gateway.http.fields import REQUEST_FIELDS
from gateway.http.reason import Reason

DURATION = r"([0-9]{1,9})(ms|s|m|h)"
SIZE = r"([0-9]{1,9})(B|KiB|MiB|GiB)"
RATE = rf"[0-9]{{1,9}}/{DURATION}"
PERCENT = r"[0-9]{1,3}(\.[0-9]{1,6})?%"
NAME = r"[A-Za-z][A-Za-z0-9._-]{0,63}"
HOST = r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|\[[0-9a-f:.]+\]"
METHOD = r"[A-Z]+(-[A-Z]+)*"
MEDIA_TYPE = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+/[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
FIELD_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
PERMISSION = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}:[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
GRANT = rf"\*|[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}:\*|{PERMISSION}"
SCOPE = r"[!#-\[\]-~]+"
PARTITION = r"address|principal|route|header:[^:]+|claim:.+"
CHOOSER = r"tier|claim:.+"
FIELD_VALUE = r"[!-~]([ \t!-~]*[!-~])?"

MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})"

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_DB = r"(/[0-9]{0,5})?"
# Scheme -> what its path is, and how many hosts it may name.
_STORES = {
    **dict.fromkeys(("redis", "rediss"), (_DB, 1)),
    **dict.fromkeys(("redis+cluster", "rediss+cluster"), ("/?", 64)),
    **dict.fromkeys(("redis+sentinel", "rediss+sentinel"), (f"/{NAME}{_DB}", 64)),
    "unix": ("/.+", 0),
}
_PORT = r"[0-9]{1,5}"
_OWN_PORTS = {"http": ":80", "https": ":443"}
_UNIX_AT_MOST = 107  # sun_path of Linux holds 108 bytes, the last of them zero.


def pause(text: str) -> float:
    """`0s` or a duration, in seconds."""
    match = re.fullmatch(DURATION, text)
    if match is None:
        raise ValueError("a duration such as 250ms, 10s, 5m or 1h")
    return int(match[1]) * _SECONDS[match[2]]


def duration(text: str) -> float:
    """`250ms`, `10s`, `5m`, `1h`: seconds, more than none."""
    seconds = pause(text)
    if not seconds:
        raise ValueError("a duration longer than 0s")
    return seconds


def moment(text: str) -> float:
    """`2027-01-31T00:00:00Z` (RFC 3339): seconds since 1970."""
    try:
        if re.fullmatch(MOMENT, text):
            return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    raise ValueError('a moment such as "2027-01-31T00:00:00Z"')


def size(text: str) -> int:
    """`512B`, `64KiB`, `10MiB`, `1GiB`: bytes."""
    match = re.fullmatch(SIZE, text)
    if match is None:
        raise ValueError("a size such as 512B, 64KiB or 10MiB")
    return int(match[1]) * _BYTES[match[2]]


def rate(text: str) -> tuple[int, float]:
    """`600/1m`: how many, in how many seconds."""
    if not re.fullmatch(RATE, text):
        raise ValueError("a rate such as 600/1m")
    count, _, per = text.partition("/")
    return int(count), duration(per)


def percent(text: str) -> float:
    """`20%`: a share, 0.2."""
    if not re.fullmatch(PERCENT, text) or float(text[:-1]) > 100:
        raise ValueError("a percentage such as 20%, at most 100%")
    # Divided as text: 99.9 / 100 is not 0.999.
    return float(f"{text[:-1]}e-2")


def target(text: str) -> float:
    """`99.9%`: a share that leaves room for failures, 0.999."""
    share = percent(text)
    if not 0 < share < 1:
        raise ValueError("a percentage between 0% and 100%, neither of them")
    return share


def network(text: str) -> Network:
    """`10.0.0.0/8`, `2001:db8::/32`, or one address; no bits may stand behind the prefix."""
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(
            "a network such as 10.0.0.0/8, with no bits behind its prefix, or an address"
        ) from None


def listening(text: str) -> Address:
    """`0.0.0.0:8080`, `[::]:8080` or `unix:/path`: where to listen, by number."""
    expected = "an address such as 0.0.0.0:8080, [::]:8080 or unix:/run/gateway.sock"
    if text.startswith("unix:"):
        return _unix(text.removeprefix("unix:"), expected)
    host, _, port = text.rpartition(":")
    try:
        numeric = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError(expected) from None
    if not re.fullmatch(_PORT, port) or (numeric.version == 6) != host.startswith("["):
        raise ValueError(expected)
    if int(port) > 65535:
        raise ValueError("a port of at most 65535")
    return Address(str(numeric), int(port))


def endpoint(text: str) -> Address:
    """`http://host:port`, `https://host:port` or `unix:/path`: where an upstream answers.

    A path, query, fragment or user is refused: it would be silently without effect.
    """
    expected = "an endpoint such as http://10.0.0.7:8000, https://pay.internal or unix:/run/pay.sock"
    if text.startswith("unix:"):
        return _unix(text.removeprefix("unix:"), expected)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(expected) from None
    is_host = re.fullmatch(HOST, f"[{host}]" if ":" in host else host) and "*" not in host
    if parts.scheme not in ("http", "https") or not is_host or port == 0 or not text.isprintable():
        raise ValueError(expected)
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc or text.endswith(("?", "#", ":")):
        raise ValueError(f"{expected}, without user, path and query")
    tls = parts.scheme == "https"
    return Address(host, port or (443 if tls else 80), tls=tls)


def url(text: str) -> str:
    """`https://host/path`: a URL that the gateway asks, without a user and a fragment."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  A port that is no number raises on being read.
    except ValueError:
        raise ValueError("a URL such as https://id.example/keys") from None
    known = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if not known or parts.fragment or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a URL such as https://id.example/keys")
    return text


def origin(text: str) -> str:
    """`https://app.example` or `https://*.app.example`, as browsers spell it; `null` and `*` too."""
    match = re.fullmatch(rf"(https?)://(?:{HOST})(?::(?P<port>{_PORT}))?|\*|null", text)
    if match is None:
        raise ValueError("an origin such as https://app.example, in lower case and without a path")
    port = match["port"] or "1"
    if port != str(int(port)) or int(port) > 65535:
        raise ValueError("an origin with a port of at most 65535, without zeros before it")
    if port == {"http": "80", "https": "443"}.get(match[1]):
        raise ValueError("an origin without the usual port, as browsers leave it out")
    return text


def site(text: str) -> str:
    """`https://app.example`: one origin exactly as a browser sends it, without the scheme's own port."""
    match = re.fullmatch(rf"(https?)://({HOST})(:{_PORT})?", text)
    if match is None or "*" in text or text.endswith(_OWN_PORTS[match[1]]):
        raise ValueError("an origin such as https://app.example, exactly as a browser sends it")
    return text


def host(text: str) -> str:
    """`api.example`, `*.api.example` or `[::1]`: lower case, without a port."""
    if not re.fullmatch(HOST, text) or len(text) > 255:
        raise ValueError("a host such as api.example or *.api.example, in lower case and without a port")
    return text


def server_name(text: str) -> str:
    """`pay.internal` or `10.0.0.7`: what a certificate is for, without a wildcard."""
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    if not re.fullmatch(HOST, text) or len(text) > 253 or not text[0].isalnum():
        raise ValueError("a name such as pay.internal, in lower case and without *, or an address")
    return text


def name(text: str) -> str:
    """What people call something: letters, digits, `.`, `_` and `-`, a letter first, at most 64."""
    if not re.fullmatch(NAME, text):
        raise ValueError("a name of letters, digits, '.', '_' and '-' that begins with a letter")
    return text


def permission(text: str) -> str:
    """`payments:write`: an area and what is done there; what a route demands."""
    if not re.fullmatch(PERMISSION, text):
        raise ValueError("a permission such as payments:write")
    return text


def grant(text: str) -> str:
    """`payments:write`, `payments:*` or `*`: what a role allows."""
    if not re.fullmatch(GRANT, text):
        raise ValueError("a permission such as payments:write, payments:* or *")
    return text


def scope(text: str) -> str:
    """A scope of a token (RFC 6749 3.3): visible ASCII without blanks, double quotes and backslashes."""
    if not re.fullmatch(SCOPE, text):
        raise ValueError("a scope such as pay.write, without blanks")
    return text


def method(text: str) -> str:
    """A request method as it stands on the wire."""
    if not re.fullmatch(METHOD, text) or text in ("CONNECT", "TRACE"):
        raise ValueError("a method in upper case such as GET, neither CONNECT nor TRACE")
    return text


def media_type(text: str) -> str:
    """`application/json`, in lower case; without parameters and without `*`."""
    if not re.fullmatch(MEDIA_TYPE, text) or "*" in text:
        raise ValueError("a media type such as application/json")
    return text.lower()


def field_name(text: str) -> str:
    """The name of a header field (RFC 9110 5.1)."""
    if not re.fullmatch(FIELD_NAME, text):
        raise ValueError("the name of a header field such as X-Request-Source")
    return text


def field_value(text: str) -> str:
    """The value of a header field (RFC 9110 5.5): visible ASCII, blanks only inside."""
    if not re.fullmatch(FIELD_VALUE, text):
        raise ValueError("the value of a header field: visible ASCII without blanks around it")
    return text


def own_field(text: str) -> str:
    """The name of a request field that is the operator's: not one that the gateway writes or takes away."""
    known = REQUEST_FIELDS[field_name(text).encode()]
    if known is not None and not known.forwarded and not {"_", "."} & {*text}:
        raise ValueError("a field that the gateway does not manage itself")
    return text


def partition(text: str) -> str:
    """`address`, `principal`, `route`, `header:X-Team`, `claim:team`: what is counted together."""
    kind, _, of = text.partition(":")
    if not re.fullmatch(PARTITION, text):
        raise ValueError("a key such as address, principal, route, header:X-Team or claim:team")
    if kind == "header":
        own_field(of)
    return text


def chooser(text: str) -> str:
    """`claim:plan` or `tier`: what of a principal chooses."""
    if not re.fullmatch(CHOOSER, text):
        raise ValueError("a claim such as claim:plan, or tier")
    return text


def store(text: str) -> str:
    """The URL of a Redis: one server, a Unix socket, a cluster, or the master that sentinels name."""
    expected = (
        "redis://h:6379/0, unix:///run/redis.sock, redis+cluster://h1,h2 or redis+sentinel://h1,h2/master"
    )
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"a URL such as {expected}") from None
    path, places_at_most = _STORES.get(parts.scheme, ("(?!)", 0))
    named = parts.netloc.rpartition("@")[2]
    places = named.split(",") if named else []
    is_whole = re.fullmatch(path, parts.path) and not parts.query and not parts.fragment
    is_placed = bool(places) == bool(places_at_most) and len(places) <= places_at_most
    if not is_whole or not is_placed or not all(map(_is_place, places)) or not text.isprintable():
        raise ValueError(f"a URL such as {expected}")
    return text


def _is_place(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    spelled = f"[{host}]" if ":" in host else host
    return bool(re.fullmatch(HOST, spelled)) and "*" not in host and port != 0


def reason(text: str) -> str:
    """`missing_role`: a word that a refusal bears."""
    words = list(map(str, Reason))
    if text not in words:
        close = get_close_matches(text, words, n=1)
        hint = f' (did you mean "{close[0]}"?)' if close else ""
        raise ValueError(f"a word of docs/reasons.md{hint}")
    return text


def prefix(text: str) -> str:
    """`/api/pay`: literal segments put before a route's path and taken off on forwarding."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~!$&'()*+,=:@-]+)+", text) or re.search(r"/\.\.?(/|$)", text):
        raise ValueError("a prefix such as /api/pay, without variables and without a slash at its end")
    return text


def _unix(path: str, expected: str) -> Address:
    if not path.startswith("/") or not path.isprintable() or len(path.encode()) > _UNIX_AT_MOST:
        raise ValueError(expected)
    return Address(unix=path)
