"""A configuration that breaks no rule, and what changing a word of it breaks."""

import pytest

from gateway.audit.report import audit
from gateway.audit.rules import RULES
from gateway.audit.survey import Survey
from gateway.config.load import load
from gateway.config.waivers import read_waivers

# 2026-06-01T00:00:00Z
NOW = 1780272000.0
GATEWAY = """\
version: 1
listeners: [{address: "127.0.0.1:8080"}]
upstreams: {pay: {endpoints: ["http://127.0.0.1:4009"]}}
issuers: {id: {issuer: "https://id.example", jwks: "https://id.example/keys", audience: [api]}}
policies: [policies]
defaults: {headers: api, quota: [visitors, users], auth: id}
"""
POLICIES = """\
tiers:
  visitors: {limit: 60/1m, key: address}
  users: {limit: 60/1m, key: principal}
roles:
  clerk: {permissions: ["payments:read"]}
routes:
  - id: pay
    match: {path: /pay, methods: [GET]}
    upstream: pay
    allow: {permissions: ["payments:read"]}
"""


@pytest.fixture
def specs(tmp_path):
    """The Specs of the configuration with words changed: pairs of what is there and what comes instead."""

    def changed(*changes, environ=()):
        texts = [GATEWAY, POLICIES]
        for old, new in changes:
            assert old in texts[0] + texts[1]
            texts = [text.replace(old, new) for text in texts]
        (tmp_path / "policies").mkdir(exist_ok=True)
        (tmp_path / "gateway.yaml").write_text(texts[0])
        (tmp_path / "policies" / "shop.yaml").write_text(texts[1])
        return load(tmp_path / "gateway.yaml", dict(environ))

    return changed


@pytest.fixture
def spots(specs, tmp_path):
    """What breaks one rule, each as its subject and its `file:line`."""

    def found(id, *changes, **more):
        (rule,) = [rule for rule in RULES if rule.id == id]
        survey = Survey(specs(*changes, **more), NOW)
        return [(spot.subject, spot.source.replace(f"{tmp_path}/", "")) for spot in rule.find(survey)]

    return found


@pytest.fixture
def report(specs, tmp_path):
    """The report on the configuration with words changed and with the waivers of a text."""

    def made(*changes, waivers="waivers: []", now=NOW, **more):
        (tmp_path / "waivers.yaml").write_text(waivers)
        read = specs(*changes, **more)
        ids = [rule.id for rule in RULES]
        return audit(read, read_waivers([tmp_path / "waivers.yaml"], {}, read, ids), now)

    return made
