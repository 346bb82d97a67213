"""Text as it stands between the quotes of JSON: printable ASCII, which no reader takes for anything else.

Control characters, what changes the direction of text, ends of lines of every kind and all else beyond ASCII
are `\\u` escapes (RFC 8259 7). What is no text at all becomes U+FFFD: a lone half of a surrogate pair would
be JSON that many parsers refuse.
"""

import json
import re
from typing import Final

_LONE: Final = re.compile("[\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"
_DELETE: Final = "\x7f"


def escaped_text(text: str) -> bytes:
    """A text, escaped."""
    # Of ASCII, JSON leaves DEL as it is.
    return json.dumps(_LONE.sub(_REPLACEMENT, text))[1:-1].replace(_DELETE, "\\u007f").encode()


def escaped(raw: bytes) -> bytes:
    """Bytes that should be UTF-8, escaped."""
    return escaped_text(raw.decode("utf-8", "replace"))
