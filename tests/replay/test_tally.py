"""Counts and groups, whose size no log has a say in."""

from gateway.replay.compare import Difference, Doubt, Kind
from gateway.replay.recorded import Recorded, Unread, Word, recorded
from gateway.replay.side import Decision
from gateway.replay.tally import Mismatch, Tally, logged, told

PASSED = Decision(Word.PASSED, "bills", "a:1", upstream="bank")
REFUSED = Decision(Word.REFUSED, "bills", "a:2", "allow", "missing_role", 403)


def test_requests_are_counted_by_their_cause(line):
    tally = Tally()
    found = recorded(line())
    for kind, times in ((Kind.ROUTE, 5), (Kind.REFUSED, 1), (Kind.ALLOWED, 2)):
        for _ in range(times):
            tally.add(found, Difference(kind, PASSED, REFUSED))
    tally.add(found, None)
    tally.skip(Unread.TORN)
    groups = tally.differences()
    assert [("refused", 1), ("allowed", 2), ("route", 5)] == [
        (each.cause.kind, each.count) for each in groups
    ]
    assert [2] == [each.count for each in tally.differences(["allowed"])]
    assert (9, 1, 1, {"v": 9}) == (
        tally.requests,
        tally.same,
        tally.unread[Unread.TORN],
        dict(tally.versions),
    )


def test_a_group_keeps_three_examples_and_each_principal_once(line):
    tally = Tally()
    for number in range(9):
        tally.add(recorded(line(request_id=str(number), principal=f"p{number % 2}")), Doubt("quota", "x", ""))
    (group,) = tally.doubts()
    assert {"p0", "p1"} == group.principals
    assert [(str(number), "GET /bills") for number in range(3)] == group.examples


def test_a_forged_log_makes_no_more_groups_and_versions_than_can_be_told(line):
    tally = Tally()
    found = recorded(line())
    for number in range(3000):
        tally.add(Recorded("a", found.asked, str(number)), Mismatch(str(number), "", ""))
        tally.add(Recorded("a", found.asked, "v"), Difference(Kind.ROUTE, PASSED, REFUSED))
    assert 101 >= len(tally.versions)
    assert 1001 >= len(tally.mismatches())
    assert (3000, 3000) == (sum(each.count for each in tally.mismatches()), tally.differences()[0].count)


def test_decisions_in_words(line, refused):
    answered = Decision(Word.ANSWERED, "old", "", status=308)
    assert "bills passes to bank" == told(PASSED)
    assert "bills: 403 missing_role by allow" == told(REFUSED)
    assert "old answers 308" == told(answered)
    assert "bills passes" == logged(recorded(line()).asked)
    assert "bills: 403 b by a" == logged(recorded(line(**refused("a", "b"))).asked)
    assert "bills answers 200" == logged(recorded(line(decision="answered", attempts=0)).asked)
