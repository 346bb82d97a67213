"""What every verb says of itself: an example, its exit status, and the page made of both."""

import re
import shlex
from pathlib import Path

import pytest

from gateway.cli import parser
from gateway.commands import commands, verbs

ROOT = Path(__file__).parent.parent
PAGE = "docs/commands.md"
VERBS = verbs(parser())


def test_the_page_is_in_step():
    """Where this fails, `make generated` writes it anew."""
    assert commands(parser()) == (ROOT / PAGE).read_text()


def test_the_page_does_not_depend_on_who_makes_it(monkeypatch):
    """Not on the width of a terminal."""
    page = commands(parser())
    monkeypatch.setenv("COLUMNS", "40")
    assert page == commands(parser())


def examples(verb):
    """The command lines beneath `example:` or `examples:`."""
    _, _, below = verb.format_help().partition("\nexample")
    return re.findall(r"^  (gateway .+|git .+)$", below.partition("\n\n")[0], re.MULTILINE)


@pytest.mark.parametrize("name", VERBS)
def test_help_has_examples_that_can_be_typed(name):
    """Each is read by the parser itself, as a shell would hand it over."""
    lines = [line for line in examples(VERBS[name]) if f"gateway {name}" in line]
    assert lines
    for line in lines:
        typed = re.split(r" [<>|]|&&|   ", line[line.index(f"gateway {name}") :])[0]
        said = parser().parse_args(shlex.split(typed)[1:])
        assert VERBS[name].get_default("verb") is said.verb


@pytest.mark.parametrize("name", VERBS)
def test_help_has_the_exit_status(name):
    (said,) = re.findall(r"^Exit status: (.+)$", VERBS[name].format_help(), re.MULTILINE)
    assert re.fullmatch(r"0 [^\d]+(, 1 [^\d]+)?, 2 [^\d]+\.", said)


@pytest.mark.parametrize("name", VERBS)
def test_help_says_what_it_is_for(name):
    """In one sentence or two, which the list of verbs shows as well; and so of each option."""
    verb = VERBS[name]
    assert verb.description.endswith((".", "?"))
    assert verb.description in " ".join(parser().format_help().split())
    assert [] == [action.dest for action in verb._actions if not action.help]
