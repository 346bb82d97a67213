"""One request as its line of the access log tells of it (`docs/logs.md`), as far as it can be replayed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, final

import orjson

# What is cut off in a line was longer, so it is not what was asked; see `gateway.telemetry.access_log`.
_PATH: Final = 2048
_PRINCIPAL: Final = 256
_ROLES: Final = 32

_MEMBERS: Final = ("method", "host", "path", "client", "route", "principal", "policy", "reason")
_UNREADABLE: Final = "_unreadable"


class Unread(StrEnum):
    """Why a line is not replayed."""

    OTHER = "other"  # JSON of something else, such as the program's own log
    TORN = "torn"  # no line of an access log
    UNREADABLE = "unreadable"  # what came could not be read as a request
    CUT = "cut"  # the log has only a part of the path, of the principal or of the roles
    BROKEN = "broken"  # it ended before it was decided
    PREFLIGHT = "preflight"  # what it asked for stood in fields


class Word(StrEnum):
    """What the log says was decided."""

    PASSED = "passed"
    ANSWERED = "answered"
    REFUSED = "refused"


@final
@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, by whom, and what was decided.

    `size` is that of the body in bytes, or -1 where not all of it was read. `policy`, `reason` and `status`
    are of a refusal.
    """

    method: str
    host: str
    path: str
    client: str
    route: str
    principal: str
    roles: tuple[str, ...]
    word: Word
    policy: str
    reason: str
    status: int
    size: int


class Recorded(NamedTuple):
    """A request that can be replayed: its id, what was asked, and the version of what decided it."""

    request_id: str
    asked: Asked
    version: str


def recorded(line: bytes) -> Recorded | Unread:
    """The request of a line, or why there is none. Nothing that stands in a line raises."""
    try:
        told = orjson.loads(line)
    except ValueError:
        return Unread.TORN
    if not isinstance(told, dict) or told.get("type") != "access":
        return Unread.OTHER
    texts = [told.get(name) for name in (*_MEMBERS, "request_id", "config_version", "decision")]
    numbers = [told.get(name) for name in ("status", "attempts", "bytes_in")]
    roles = told.get("roles")
    if (
        not all([isinstance(text, str) for text in texts])
        or not all([type(number) is int for number in numbers])
        or not isinstance(roles, list)
        or not all([isinstance(role, str) for role in roles])
    ):
        return Unread.TORN
    return _request(told, roles)


def _request(told: dict[str, Any], roles: list[str]) -> Recorded | Unread:
    if told["route"] == _UNREADABLE:
        return Unread.UNREADABLE
    if len(told["path"]) >= _PATH or len(told["principal"]) >= _PRINCIPAL or len(roles) >= _ROLES:
        return Unread.CUT
    word = _word(told)
    if word is None:
        return Unread.BROKEN
    was_refused = word is Word.REFUSED
    method, host, path, client, route, principal, policy, reason = [told[name] for name in _MEMBERS]
    asked = Asked(
        *(method, host, path, client, route, principal, tuple(roles), word),
        policy=policy if was_refused else "",
        reason=reason if was_refused else "",
        status=told["status"] if word is not Word.PASSED else 0,
        size=told["bytes_in"] if word is Word.PASSED and told["decision"] == Word.PASSED else -1,
    )
    return Recorded(told["request_id"], asked, told["config_version"])


def _word(told: dict[str, Any]) -> Word | None:
    """What the policies decided, whatever the backend and the client did then; None if they did not."""
    decision, policy = told["decision"], told["policy"]
    # What the client did not get done, such as its body, is no decision of a policy.
    if decision == "refused" and policy != "wire":
        return Word.REFUSED
    if told["attempts"] > 0 or (decision == "failed" and policy == "upstream"):
        return Word.PASSED
    return Word.ANSWERED if decision == "answered" else None
