import argparse
import re
import shlex

import pytest

from gateway.audit.finding import SEVERITIES
from gateway.audit.options import add_options


@pytest.fixture
def parser():
    made = argparse.ArgumentParser()
    add_options(made)
    return made


def test_every_example_of_the_help_is_understood(parser):
    examples = re.findall(r"^  gateway audit(.*?)(?:>.*|  +\S.*)?$", parser.epilog, re.MULTILINE)
    assert 4 == len([parser.parse_args(shlex.split(example)) for example in examples])


def test_what_is_not_said(parser):
    said = parser.parse_args([])
    assert ("text", None, "error") == (said.format, said.waivers, said.fail_on)


def test_levels_are_the_severities(parser):
    assert [*SEVERITIES] == [parser.parse_args(["--fail-on", level]).fail_on for level in SEVERITIES]
