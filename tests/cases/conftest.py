"""Cases from a text, about a small configuration."""

import pytest

from gateway.cases.case import cases
from gateway.cases.run import played
from gateway.config.cases import read_cases

POLICIES = """\
defaults: {upstream: backend}
tiers: {few: {limit: 2/1m, key: address}, uploads: {concurrent: 1, key: address}}
roles: {boss: {permissions: ["*"]}}
routes:
  - {id: open, match: {path: /open}, auth: public, quota: [few]}
  - {id: boss, match: {path: /boss}, auth: remote, allow: {roles: [boss]}}
  - id: work
    match: {path: /work}
    auth: public
    quota: [uploads]
    clients: {deny: [10.0.0.0/8]}
    report: [clients]
"""
MORE = 'issuers: {remote: {issuer: "https://id.example", discovery: true, audience: [api]}}\n'


@pytest.fixture
def prepared(stage, tmp_path):
    """The Stage and the cases of a text."""

    def prepare(text):
        made = stage(POLICIES, more=MORE)
        path = tmp_path / "cases.yaml"
        path.write_text(text)
        (file,) = read_cases([path], {}, made.specs)
        return made, list(cases(file))

    return prepare


@pytest.fixture
def results(prepared):
    """What became of the cases of a text, and what they cover."""
    return lambda text: played(*prepared(text))
