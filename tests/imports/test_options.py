"""What the verb takes."""

import argparse
import re
import shlex

import pytest

from gateway.imports.options import add_options


@pytest.fixture
def parser():
    made = argparse.ArgumentParser()
    add_options(made)
    return made


def test_the_example_of_the_help_is_understood(parser):
    (example,) = re.findall(r"^  gateway import (.*)$", parser.epilog, re.MULTILINE)
    assert "http://127.0.0.1:3000" == parser.parse_args(shlex.split(example)).upstream


def test_nothing_else_is_imported(parser):
    with pytest.raises(SystemExit):
        parser.parse_args(["swagger", "a.yaml"])
