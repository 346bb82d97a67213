"""What the verb takes."""

import argparse
import re
import shlex

import pytest

from gateway.replay.compare import Kind
from gateway.replay.options import KINDS, add_options


@pytest.fixture
def parser():
    made = argparse.ArgumentParser()
    add_options(made)
    return made


def test_the_example_of_the_help_is_understood(parser):
    (example,) = re.findall(r"&& gateway replay (.*)$", parser.epilog, re.MULTILINE)
    assert ["/var/log/gateway/access.log"] == parser.parse_args(shlex.split(example)).log


def test_every_kind_can_be_asked_for():
    assert tuple(Kind) == KINDS


def test_a_log_has_to_be_named(parser):
    with pytest.raises(SystemExit):
        parser.parse_args(["old", "new"])
