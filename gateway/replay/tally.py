"""What became of all requests of the logs: counts, and groups of those that differ for one cause."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, final

from gateway.replay.compare import Difference, Doubt, Kind
from gateway.replay.recorded import Asked, Recorded, Unread, Word
from gateway.replay.side import Decision

EXAMPLES: Final = 3
# More principals than this are not told apart any more, and more groups than that are one.
PRINCIPALS_AT_MOST: Final = 10_000
_VERSIONS_AT_MOST: Final = 100
_GROUPS_AT_MOST: Final = 1000
_OTHERS: Final = "others"


@final
@dataclass(frozen=True, slots=True)
class Mismatch:
    """The log says that something else was decided than OLD decides."""

    logged: str
    rehearsed: str
    source: str


Cause = Difference | Doubt | Mismatch


@final
@dataclass(slots=True)
class Group:
    """Requests that differ for one cause: the first of them, and who asked."""

    cause: Cause
    count: int = 0
    principals: set[str] = field(default_factory=set)
    examples: list[tuple[str, str]] = field(default_factory=list)

    def add(self, request_id: str, asked: Asked) -> None:
        """Count one more."""
        self.count += 1
        if asked.principal and len(self.principals) < PRINCIPALS_AT_MOST:
            self.principals.add(asked.principal)
        if len(self.examples) < EXAMPLES:
            self.examples.append((request_id, f"{asked.method} {asked.path}"))


@final
class Tally:
    """All counts. `requests` are those that were replayed, `same` those of them that are decided alike."""

    def __init__(self) -> None:
        self.requests = 0
        self.same = 0
        self.unread: Counter[Unread] = Counter()
        self.versions: Counter[str] = Counter()
        self._groups: dict[Cause, Group] = {}

    def skip(self, why: Unread) -> None:
        """A line that is not replayed."""
        self.unread[why] += 1

    def add(self, recorded: Recorded, cause: Cause | None) -> None:
        """A request, and why it differs, if it does."""
        self.requests += 1
        version = recorded.version
        if version not in self.versions and len(self.versions) >= _VERSIONS_AT_MOST:
            version = _OTHERS
        self.versions[version] += 1
        if cause is None:
            self.same += 1
            return
        if cause not in self._groups:
            # A log may be forged, and then its words are anything.
            cause = cause if len(self._groups) < _GROUPS_AT_MOST else _crowded(cause)
        self._groups.setdefault(cause, Group(cause)).add(recorded.request_id, recorded.asked)

    def differences(self, kinds: Iterable[str] = ()) -> list[Group]:
        """The groups that differ, the gravest kind and the most requests first; of all kinds unless said."""
        wanted = set(kinds) or set(Kind)
        found = [group for cause, group in self._groups.items() if isinstance(cause, Difference)]
        return sorted(
            [group for group in found if _kind(group) in wanted],
            key=lambda group: (list(Kind).index(_kind(group)), -group.count),
        )

    def doubts(self) -> list[Group]:
        """Those of which nobody can tell, the most requests first."""
        return self._of(lambda cause: isinstance(cause, Doubt))

    def mismatches(self) -> list[Group]:
        """Those that OLD does not decide as the log says, the most requests first."""
        return self._of(lambda cause: isinstance(cause, Mismatch))

    def _of(self, fits: Callable[[Cause], bool]) -> list[Group]:
        groups = [group for cause, group in self._groups.items() if fits(cause)]
        return sorted(groups, key=lambda group: -group.count)


def _kind(group: Group) -> Kind:
    assert isinstance(group.cause, Difference)  # noqa: S101 - who asks has looked.
    return group.cause.kind


def _crowded(cause: Cause) -> Cause:
    """What stands for causes that are too many to be told one by one."""
    if isinstance(cause, Difference):
        other = Decision(Word.REFUSED, _OTHERS, "")
        return Difference(cause.kind, other, other)
    return Doubt(_OTHERS, _OTHERS, "") if isinstance(cause, Doubt) else Mismatch(_OTHERS, _OTHERS, "")


def told(decision: Decision) -> str:
    """A decision in a few words."""
    if decision.word is Word.REFUSED:
        where = f"{decision.route}: " if decision.route else ""
        return f"{where}{decision.status} {decision.reason} by {decision.step}"
    if decision.word is Word.PASSED:
        return f"{decision.route} passes to {decision.upstream}"
    return f"{decision.route} answers {decision.status}"


def logged(asked: Asked) -> str:
    """The same of what the log says."""
    if asked.word is Word.REFUSED:
        return f"{asked.route}: {asked.status} {asked.reason} by {asked.policy}"
    return f"{asked.route} {'passes' if asked.word is Word.PASSED else f'answers {asked.status}'}"
