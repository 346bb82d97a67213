"""All workers take another configuration, or none does."""

import pytest

from gateway.outcome import Outcome
from gateway.workers.accord import accord

PATIENCE = 20.0


@pytest.fixture
def complete(crew):
    async def make(told=(), usual=None):
        made = crew(told, usual)
        made.fill()
        assert await made.until(lambda: len(made.present) == 3 and made.is_complete, PATIENCE)
        return made

    return make


async def test_all_of_them_serve_by_it(complete):
    crew = await complete()
    assert Outcome("two", True) == await accord(crew)
    assert ("two", {"two"}) == (crew.version, {worker.version for worker in crew.workers})
    assert "two" == crew.facts.version
    assert Outcome("two", False) == await accord(crew)


@pytest.mark.parametrize(
    ("told", "problems"),
    [
        pytest.param([{}, {"prepares": ["a", "b"]}], ("a", "b"), id="one of those who serve"),
        pytest.param([{}, {}, {"prepares": ["a"]}], ("a",), id="who waits"),
        pytest.param([{"prepares": ["a"]}, {"prepares": ["a", "b"]}], ("a", "b"), id="several"),
        pytest.param(
            [{}, {"prepares": "three"}], ("the files changed while they were read",), id="two versions"
        ),
    ],
)
async def test_one_that_cannot_is_enough_for_nobody_to(complete, tmp_path, told, problems):
    crew = await complete(told)
    outcome = await accord(crew)
    assert ("one", False, set(problems)) == (outcome.version, outcome.is_new, set(outcome.problems))
    assert ("one", {"one"}) == (crew.version, {worker.version for worker in crew.workers})
    assert await crew.until(lambda: True)


async def test_one_that_does_not_adopt_is_replaced_before_it_is_acknowledged(complete, monkeypatch):
    """By whoever waits, who has adopted it."""
    monkeypatch.setattr("gateway.workers.accord.ADOPTED_WITHIN", 1.0)
    crew = await complete([{"silent": ["ADOPT"]}, {}, {}], {"version": "two"})
    assert Outcome("two", True) == await accord(crew)
    assert {"two"} == {worker.version for worker in crew.workers if worker.state != "loading"}
    assert await crew.until(lambda: None not in crew.places, PATIENCE)
    assert await crew.until(lambda: len(crew.present) == 3, PATIENCE)


async def test_one_that_does_not_answer_is_told(complete, monkeypatch):
    monkeypatch.setattr("gateway.workers.accord.PREPARED_WITHIN", 1.0)
    crew = await complete([{"silent": ["PREPARE"]}])
    (problem,) = (await accord(crew)).problems
    assert problem.endswith("no answer to PREPARE within 1 s")


async def test_where_nobody_is_left_nothing_is_taken(crew):
    assert Outcome("", False, ("no worker can load it",)) == await accord(crew())
