"""Media types as `Content-Type` says them (RFC 9110 8.3.1), read in one way only."""

import re

_LENGTH_AT_MOST = 256
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_NAME = rb"(" + _TOKEN + rb"/" + _TOKEN + rb")"
_PARAMETER = rb"(" + _TOKEN + rb")=(" + _TOKEN + rb'|"(?:[\t !#-\[\]-~]|\\[\t !-~])*+")'
_MEDIA_TYPE = re.compile(_NAME + rb"((?:[ \t]*+;[ \t]*+(?:" + _PARAMETER + rb")?)*+)[ \t]*+")
_PARAMETERS = re.compile(_PARAMETER)
_CHARSETS = frozenset([b"utf-8", b'"utf-8"'])


def media_type(value: bytes) -> bytes | None:
    """The lower-case type and subtype of a `Content-Type` value; None where its text may not be UTF-8.

    None as well for what is no media type, such as a list of two, and for a parameter that is given twice.
    """
    match = _MEDIA_TYPE.fullmatch(value) if len(value) <= _LENGTH_AT_MOST else None
    if match is None:
        return None
    parameters = [(name.lower(), text.lower()) for name, text in _PARAMETERS.findall(match[2])]
    given = dict(parameters)
    if len(given) != len(parameters) or given.get(b"charset", b"utf-8") not in _CHARSETS:
        return None
    return match[1].lower()


def is_json(name: bytes) -> bool:
    """True for the types whose content is one JSON text (RFC 6839 3.1), by their lower-case name."""
    return name == b"application/json" or name.endswith(b"+json")
