"""How long a document may be kept, from the fields that came with it (RFC 9111 4.2.1), within our own bounds.

Issuers send anything from seconds to weeks: less than a minute would be a load on them, more than a day would
keep a key that was taken away.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

SHORTEST = 60.0
LONGEST = 24 * 3600.0
# Where the issuer does not say.
USUAL = 600.0

_MAX_AGE = re.compile(r'(?:^|[,\s])max-age="?([0-9]{1,10})', re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[,\s])(?:no-store|no-cache)(?:$|[,\s=])", re.IGNORECASE)


def lifetime(fields: Mapping[str, str]) -> float:
    """Seconds, at least SHORTEST and at most LONGEST. `fields` have lower-case names."""
    return min(max(_said(fields), SHORTEST), LONGEST)


def _said(fields: Mapping[str, str]) -> float:
    control = fields.get("cache-control", "")
    if _NOT_KEPT.search(control):
        return 0.0
    max_age = _MAX_AGE.search(control)
    if max_age is None:
        return _until(fields.get("expires"), fields.get("date"))
    age = fields.get("age", "0")
    return float(max_age[1]) - (float(age) if age.isdecimal() and len(age) <= 10 else 0.0)


def _until(expires: str | None, date: str | None) -> float:
    if expires is None:
        return USUAL
    end, begin = _moment(expires), _moment(date or "")
    if end is None:
        # RFC 9111 5.3: an invalid date, above all "0", means what is past already.
        return 0.0
    return (end - begin).total_seconds() if begin is not None else USUAL


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
