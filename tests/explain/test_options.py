import argparse
import re
import shlex

import pytest

from gateway.explain.options import add_options


@pytest.fixture
def parser():
    made = argparse.ArgumentParser()
    add_options(made)
    return made


def test_every_example_of_the_help_is_understood(parser):
    examples = re.findall(r"^  gateway explain (.*)$", parser.epilog, re.MULTILINE)
    assert 6 == len([parser.parse_args(shlex.split(example)) for example in examples])


def test_what_is_not_said_is_nothing(parser):
    said = vars(parser.parse_args([]))
    assert {"text"} == {value for value in said.values() if value}
