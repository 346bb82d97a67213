"""Questions to specs that serve elsewhere."""

import pytest

from gateway.config.problem import ConfigError
from gateway.config.question import QuestionSpec
from gateway.explain.record import record
from gateway.explain.rehearsals import Rehearsals

NOW = 1_800_000_000


@pytest.fixture
def rehearsals():
    return Rehearsals(lambda: NOW)


@pytest.fixture
def ask(made, rehearsals):
    """Ask the specs of `made`; gives the record."""
    return lambda **said: rehearsals.ask(QuestionSpec.model_validate(said), made.specs)


def test_a_question_is_answered_like_that_of_the_command(ask, told):
    """Line by line, where nothing is a secret."""
    said = ask(url="/api/bills", principal={"subject": "a", "roles": ["clerk"]})
    expected = record(told("GET /api/bills --as a:clerk"))
    assert (expected["steps"], expected["verdict"], expected["route"], expected["hints"]) == (
        *(said["steps"], said["verdict"], said["route"]),
        *(said["hints"],),
    )
    assert expected.keys() == said.keys()


def test_every_question_finds_full_buckets(ask):
    """Two of a tier of two; the third is as the first."""
    assert ["passed"] * 3 == [ask(url="/api/open/1")["verdict"] for _ in range(3)]


def test_the_same_specs_are_compiled_once(made, rehearsals, ask):
    ask(url="/")
    first, _ = rehearsals._kept
    ask(url="/")
    assert rehearsals._kept[0] is first


def test_other_specs_are_other_answers(stage, rehearsals, ask):
    assert "refused" == ask(url="/new")["verdict"]
    other = stage("routes: [{id: new, match: {path: /new}, upstream: backend, auth: public}]")
    said = rehearsals.ask(QuestionSpec(url="/new"), other.specs)
    assert ("passed", other.specs.version) == (said["verdict"], said["config_version"])


@pytest.mark.parametrize(
    ("said", "key"),
    [
        pytest.param({"url": "/", "listener": 2}, "listener", id="a listener that there is not"),
        pytest.param(
            {"url": "/api/any", "principal": {"subject": "a\nb"}}, "principal", id="whom no token could name"
        ),
    ],
)
def test_what_these_specs_cannot_answer_is_said_with_its_key(ask, said, key):
    with pytest.raises(ConfigError) as raised:
        ask(**said)
    assert [key] == [problem.path for problem in raised.value.problems]
