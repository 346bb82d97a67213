"""Plain scalars as the YAML 1.2 core schema reads them, and those that YAML 1.1 reads differently."""

import re

_NULL = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
# Truth values, octal, sexagesimal, grouped and binary numbers, dates and merge keys to one of the versions.
_TRAP = re.compile(
    r"(?i:y|n|yes|no|on|off)"
    r"|[-+]?0o?[0-9_]+"
    r"|[-+]?0b[01_]+"
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
    r"|[-+]?[0-9][0-9_]*_[0-9_.]*"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?"
    r"|=|<<"
)


def is_ambiguous(text: str) -> bool:
    """Whether the versions of YAML disagree about what the bare text means."""
    return _TRAP.fullmatch(text) is not None


def core(text: str) -> str | int | float | bool | None:
    """A plain scalar as the YAML 1.2 core schema reads it (YAML 1.2.2, 10.3.2), infinities aside."""
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INT.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    return float(text) if _FLOAT.fullmatch(text) else text
