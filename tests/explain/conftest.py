"""Questions as they are typed, about a small configuration."""

import argparse
import shlex

import pytest

from gateway.explain.options import add_options
from gateway.explain.question import question
from gateway.explain.report import report

POLICIES = """\
defaults: {upstream: backend, prefix: /api}
tiers: {few: {limit: 2/1m, key: address}}
roles: {clerk: {permissions: ["bills:read"]}, boss: {inherits: [clerk]}, owner: {permissions: ["*"]}}
routes:
  - {id: open, match: {path: "/open/{id}"}, auth: public, quota: [few], timeouts: {response: 5s}}
  - {id: bills, match: {path: /bills, methods: [GET]}, auth: remote, allow: {permissions: ["bills:read"]}}
  - {id: mine, match: {path: "/mine/{who}"}, auth: remote, allow: {when: path.who == subject}}
  - {id: any, match: {path: /any}, auth: remote}
  - {id: moved, match: {path: /moved}, redirect: {to: /open/1}, auth: public}
"""
MORE = """\
issuers: {remote: {issuer: "https://id.example", discovery: true, audience: [api]}}
limits: {body: 1KiB}
"""


@pytest.fixture
def said():
    """The options of a command line, without `gateway explain` in front."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    return lambda line: parser.parse_args(shlex.split(line))


@pytest.fixture
def made(stage):
    return stage(POLICIES, more=MORE)


@pytest.fixture
def told(made, said):
    """The Report on a command line."""
    return lambda line: report(made, question(said(line), made.snapshot.listeners))
