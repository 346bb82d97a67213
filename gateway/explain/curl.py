"""A curl command -> the request that it would send. Nothing is run."""

import argparse
import shlex
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final
from urllib.parse import urlsplit

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
# What changes nothing about the request, and what does so with a value.
_IGNORED: Final = (
    *(
        "-i",
        "-s",
        "-S",
        "-v",
        "-k",
        "-L",
        "-N",
        "-f",
        "-g",
        "--include",
        "--silent",
        "--show-error",
        "--verbose",
    ),
    *("--insecure", "--location", "--no-buffer", "--fail", "--globoff", "--http1.1", "--fail-with-body"),
)
_IGNORED_WITH_VALUE: Final = ("-o", "--output", "-m", "--max-time", "-w", "--write-out", "--connect-timeout")


@final
@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it was found: `url` and `fields` as they would be sent."""

    method: str
    url: str
    fields: tuple[tuple[str, str], ...]
    body: bytes = b""


def curl(command: str) -> Recorded:
    """The request of a command. Raises ValueError for what is no curl, or an option that is not known."""
    words = shlex.split(command)
    if not words or Path(words[0]).name != "curl":
        raise ValueError("expected a command that begins with curl")
    try:
        said, unknown = _parser().parse_known_args(words[1:])
    except argparse.ArgumentError as error:
        raise ValueError(f"in the curl command: {error}") from None
    if unknown:
        raise ValueError(f"expected options of curl that are known here, got {unknown[0]}")
    if not said.url and not said.named:
        raise ValueError("expected a URL in the curl command")
    return _recorded(said)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("curl", add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("url", nargs="?")
    parser.add_argument("--url", dest="named")
    parser.add_argument("-X", "--request", dest="method")
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-d", "--data", "--data-ascii", action="append", default=[])
    for option in ("--data-raw", "--data-binary", "--json"):
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("-u", "--user")
    parser.add_argument("-b", "--cookie")
    parser.add_argument("-A", "--user-agent")
    parser.add_argument("-e", "--referer")
    parser.add_argument("-I", "--head", action="store_true")
    parser.add_argument("-G", "--get", action="store_true")
    parser.add_argument("--compressed", action="store_true")
    parser.add_argument("--path-as-is", action="store_true")
    parser.add_argument("--request-target")
    parser.add_argument(*_IGNORED, dest="_", action="store_true")
    parser.add_argument(*_IGNORED_WITH_VALUE, dest="_")
    return parser


def _recorded(said: argparse.Namespace) -> Recorded:
    body = _body(said)
    url = _url(said)
    if said.get and body is not None:
        url += ("&" if "?" in url else "?") + body.decode(errors="surrogateescape")
        body = None
    method = said.method or ("HEAD" if said.head else "POST" if body is not None else "GET")
    return Recorded(method, url, _fields(said, body), body or b"")


def _body(said: argparse.Namespace) -> bytes | None:
    """What all options of data say, joined as curl joins them; None without any."""
    text = [_read(each, keeps_lines=False) for each in said.data]
    binary = [_read(each, keeps_lines=True) for each in (*said.data_binary, *said.json)]
    parts = [*text, *[each.encode() for each in said.data_raw], *binary]
    return (b"" if said.json else b"&").join(parts) if parts else None


def _read(value: str, *, keeps_lines: bool) -> bytes:
    if not value.startswith("@"):
        return value.encode(errors="surrogateescape")
    content = Path(value[1:]).read_bytes()
    return content if keeps_lines else content.replace(b"\r", b"").replace(b"\n", b"")


def _fields(said: argparse.Namespace, body: bytes | None) -> tuple[tuple[str, str], ...]:
    given = [
        (name.strip(), value.strip()) for name, _, value in (each.partition(":") for each in said.header)
    ]
    usual = {"User-Agent": said.user_agent or "curl", "Accept": _JSON if said.json else "*/*"}
    usual |= {"Authorization": _basic(said.user)} if said.user else {}
    usual |= {"Cookie": said.cookie} if said.cookie else {}
    usual |= {"Referer": said.referer} if said.referer else {}
    usual |= {"Accept-Encoding": "gzip, br, zstd"} if said.compressed else {}
    usual |= {"Content-Type": _JSON if said.json else _FORM} if body is not None else {}
    # One that is given replaces curl's own, and one that is given without a value takes it away.
    named = {name.lower() for name, _ in given}
    fields = [(name, value) for name, value in usual.items() if name.lower() not in named]
    return (*fields, *[(name, value) for name, value in given if value])


def _basic(user: str) -> str:
    return f"Basic {b64encode(user.encode()).decode()}"


def _url(said: argparse.Namespace) -> str:
    """The URL as curl sends it: without a fragment, and without dot segments unless told to keep them."""
    given = str(said.url or said.named)
    parts = urlsplit(given if "://" in given else f"http://{given}")
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if said.request_target:
        return f"{origin}{said.request_target}"
    path = parts.path if said.path_as_is else _without_dots(parts.path)
    return f"{origin}{path or '/'}{'?' if parts.query else ''}{parts.query}"


def _without_dots(path: str) -> str:
    """RFC 3986 5.2.4, "Remove Dot Segments"."""
    segments = path.split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == ".." and len(kept) > 1:
            kept.pop()
        elif segment not in (".", ".."):
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
