import pytest

from gateway.cases.play import play


@pytest.fixture
def outcome(results):
    """The number of requests of a case and, of its failure, the line and which time it was."""

    def ask(*lines):
        found, _ = results(
            "cases:\n  - name: it\n    steps:\n" + "".join(f"      - {line}\n" for line in lines)
        )
        (result,) = found
        failure = result.failure
        place = (int(failure.scene.source.rpartition(":")[2]), failure.number) if failure else None
        return len(result.outcomes), place

    return ask


OPEN = "request: {path: /open}, expect: {upstream: backend}"
REFUSED = "request: {path: /open}, expect: {reason: quota_exceeded}"
WORK = "request: {path: /work}, expect: {upstream: backend}"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([f"{{{OPEN}, times: 2}}", f"{{{REFUSED}}}"], (3, None), id="a tier runs out"),
        pytest.param([f"{{{OPEN}, times: 3}}"], (3, (4, 3)), id="the third time is too much"),
        pytest.param(
            [f"{{{OPEN}, times: 2}}", "{advance: 30s}", f"{{{OPEN}}}", f"{{{REFUSED}}}"],
            (4, None),
            id="time passes",
        ),
        pytest.param(
            [f"{{{OPEN}, times: 2}}", f"{{{OPEN}, advance: 29s}}"], (3, (5, 1)), id="not enough of it"
        ),
        pytest.param([f"{{{WORK}, times: 3}}"], (3, None), id="one after the other"),
        pytest.param([f"{{{WORK}, stays: true}}", f"{{{WORK}}}"], (2, (5, 1)), id="two at a time"),
        pytest.param([f"{{{REFUSED}}}", f"{{{OPEN}}}"], (1, (4, 1)), id="the first failure ends a case"),
    ],
)
def test_steps_are_played_in_a_row_on_one_clock(outcome, lines, expected):
    assert expected == outcome(*lines)


def test_every_case_begins_with_full_buckets_and_nothing_under_way(prepared):
    made, cases = prepared(
        f"cases:\n  - {{name: a, steps: [{{{OPEN}, times: 2}}, {{{WORK}, stays: true}}, {{advance: 1s}}]}}\n"
        f"  - {{name: b, steps: [{{{OPEN}, times: 2}}, {{{WORK}, stays: true}}]}}\n"
    )
    assert [None, None, None] == [play(made, case).failure for case in (*cases, cases[0])]


def test_time_is_what_the_file_says(prepared):
    made, (case,) = prepared(
        f'now: "2027-01-15T08:00:00Z"\ncases:\n  - {{name: a, steps: [{{advance: 5s, {OPEN}}}]}}\n'
    )
    play(made, case)
    assert 1_800_000_005 == made.ports.wall()


def test_principal_that_cannot_be_is_named_with_its_case(results):
    with pytest.raises(ValueError, match=r"cases.yaml:2: .*control character"):
        results(
            'cases:\n  - {name: a, as: {subject: "a\\tb"}, request: {path: /boss}, expect: {status: 200}}\n'
        )
