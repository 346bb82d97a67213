"""Who serves, who waits, and who is started when one of them ends."""

import asyncio

import pytest

PATIENCE = 20.0


async def complete(crew):
    crew.fill()
    assert await crew.until(lambda: crew.is_complete or crew.failure, PATIENCE)
    assert await crew.until(lambda: crew.failure or waiting(crew), PATIENCE)


def waiting(crew):
    return [worker for worker in crew.workers if worker.state == "waiting"]


async def test_every_place_has_a_worker_and_one_waits(crew):
    made = crew()
    await complete(made)
    assert ["serving"] * 2 == [worker.state for worker in made.places]
    assert (3, 1, "one") == (len(made.workers), len(waiting(made)), made.version)


async def test_who_waits_takes_the_place_of_who_ends(crew):
    made = crew()
    await complete(made)
    (spare,), victim = waiting(made), made.places[1]
    victim.kill()
    assert await made.until(lambda: made.places[1] is spare and spare.is_open, PATIENCE)
    assert await made.until(lambda: bool(waiting(made)), PATIENCE)
    assert (1, [victim.pid], "gone") == (made.deaths, made.listening.gone, victim.state)


@pytest.mark.parametrize(
    ("told", "failure"),
    [
        pytest.param({"status": 3}, "workers end as soon as they start: status 3", id="without a word"),
        pytest.param({"failed": "no such file"}, "no such file", id="with a word"),
        pytest.param({"serve": "no TLS"}, "no TLS", id="when it is to serve"),
    ],
)
async def test_workers_that_end_at_the_start_end_it(crew, tmp_path, told, failure):
    made = crew(usual=told)
    await complete(made)
    assert failure == made.failure
    assert await made.until(lambda: not made.workers or told == {"serve": "no TLS"}, PATIENCE)
    assert len(list(tmp_path.glob("started-*"))) <= 4


async def test_those_that_end_at_once_are_started_again_less_and_less_often(crew, tmp_path, monkeypatch):
    """Nobody who serves is disturbed by a release that does not start."""
    made = crew([{}, {}], {"status": 1})
    monkeypatch.setattr("gateway.workers.crew._PAUSE", 0.001)
    made.fill()
    assert await made.until(lambda: made.is_complete, PATIENCE)
    assert await made.until(lambda: made._strikes >= 5, PATIENCE)
    assert ["serving"] * 2 == [worker.state for worker in made.places]


async def test_another_version_gets_no_place(crew):
    """Who waits has another one than those who serve, and cannot load theirs any more."""
    made = crew([{}, {}, {"version": "two", "prepares": "two"}], {"version": "two", "prepares": "two"})
    await complete(made)
    (spare,) = waiting(made)
    made.places[0].kill()
    assert await made.until(lambda: bool(made.listening.outdated_at), PATIENCE)
    assert (None, "waiting") == (made.places[0], spare.state)


async def test_one_that_was_late_loads_what_serves_by_now(crew):
    made = crew([{}, {}], {"version": "two", "prepares": "one"})
    await complete(made)
    assert await made.until(lambda: {"one"} == {each.version for each in made.workers}, PATIENCE)


async def test_fresh_workers_take_every_place_and_those_before_leave(crew, tmp_path):
    made = crew([{}, {}, {}], {"version": "two"})
    await complete(made)
    before = set(made.workers)
    assert "" == await made.renew()
    assert "two" == made.version
    assert await made.until(lambda: not before & made.workers and bool(waiting(made)), PATIENCE)
    assert {"two"} == {worker.version for worker in made.workers}
    assert 0 == made.deaths
    assert ["ended-0-LEAVE", "ended-1-LEAVE", "ended-2-STOP"] == sorted(
        path.name for path in tmp_path.glob("ended-*")
    )


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        pytest.param({"status": 1}, "cannot load everything", id="one that ends"),
        pytest.param({"serve": "no TLS"}, "cannot serve", id="one that cannot serve"),
        pytest.param({"addresses": ["[::]:1"]}, "only a new start changes where", id="another address"),
    ],
)
async def test_the_first_fresh_worker_that_is_of_no_use_ends_it(crew, told, problem):
    """Those who serve serve on, and nobody has been told to leave."""
    made = crew([{}, {}, {}], told)
    await complete(made)
    before = list(made.places)
    assert problem in await made.renew()
    assert before == made.places
    assert ["serving"] * 2 == [worker.state for worker in made.places]
    assert "one" == made.version


async def test_a_drain_ends_all_of_them(crew, tmp_path):
    made = crew()
    await complete(made)
    await made.end(asyncio.Event())
    assert set() == made.workers
    assert 3 == len(list(tmp_path.glob("ended-*-DRAIN")))
    assert 0 == made.deaths


async def test_one_that_does_not_end_is_killed(crew, monkeypatch):
    monkeypatch.setattr("gateway.workers.crew._STOPPED_WITHIN", 0.1)
    made = crew(usual={"silent": ["DRAIN", "STOP"]})
    await complete(made)
    again = asyncio.Event()
    again.set()
    await made.end(again)
    assert set() == made.workers


async def test_who_is_dismissed_is_replaced_by_one_that_finds_what_serves(crew):
    """Its place was empty meanwhile, since it had another version."""
    made = crew([{}, {}, {"version": "two", "prepares": "two"}])
    await complete(made)
    made.places[0].kill()
    assert await made.until(lambda: bool(made.listening.outdated_at), PATIENCE)
    made.dismiss()
    assert await made.until(lambda: None not in made.places and bool(waiting(made)), PATIENCE)
    assert {"one"} == {worker.version for worker in made.workers}
    assert 1 == made.deaths
