"""What one worker asks is answered by all."""

import pytest

from gateway.workers.frames import Message, Word, unpacked
from gateway.workers.questions import Questions

PATIENCE = 20.0


class Asker:
    """A worker that asks."""

    def __init__(self):
        self.channel = self
        self.told = None

    def reply(self, message, body=b""):
        self.told = unpacked(body)


@pytest.fixture
def asked(crew):
    async def make(*told):
        made = crew(told)
        made.fill()
        assert await made.until(lambda: len(made.present) == 3 and made.is_complete, PATIENCE)
        questions = Questions(made)

        async def ask(body):
            asker = Asker()
            await questions.answer(asker, Message(Word.ASK, 1, body))
            return asker.told

        return made, questions, ask

    return make


async def test_whoever_serves_answers(asked):
    """Who waits has nothing to tell."""
    _, _, ask = await asked()
    assert [b"0:upstreams\0", b"1:upstreams\0"] == sorted(await ask(b"upstreams\0"))


async def test_who_is_silent_is_left_out(asked, monkeypatch):
    monkeypatch.setattr("gateway.workers.questions.ANSWERED_WITHIN", 0.5)
    _, _, ask = await asked({"silent": ["QUESTION"]})
    assert [b"1:upstreams\0"] == await ask(b"upstreams\0")


async def test_metrics_are_those_of_all_of_the_supervisor_and_of_those_gone(asked):
    crew, questions, ask = await asked()
    reports = await ask(b"metrics\0")
    assert {b"0:metrics\0", b"1:metrics\0"} < set(reports)
    assert any(b"gateway_workers_configured" in report for report in reports)
    for worker in list(crew.workers):
        questions.departed(worker)
    assert [] == [report for report in await questions.ledger.reports([]) if b"metrics\0" in report]


async def test_the_level_of_the_log_is_told_to_those_who_come_later(asked):
    crew, questions, ask = await asked()
    assert 2 == len(await ask(b"log_level\0debug"))
    assert b"debug" == questions.log_level
    (spare,) = [worker for worker in crew.workers if worker.state == "waiting"]
    await questions.repeat(spare)


async def test_too_many_questions_at_a_time_are_not_answered(asked, monkeypatch):
    monkeypatch.setattr("gateway.workers.questions._ASKED_AT_MOST", 0)
    _, _, ask = await asked()
    assert [] == await ask(b"metrics\0")
