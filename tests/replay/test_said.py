"""What is behind a name is a part of what is said by it."""

import pytest

from gateway.config.load import load
from gateway.rehearsal import RehearsalPorts, Stage
from gateway.replay.said import Proofs, said, spec_of


@pytest.fixture
def stages(folders, tmp_path):
    def make(*pairs):
        folders(*pairs)
        return [
            Stage(load(tmp_path / name / "gateway.yaml", {}), RehearsalPorts(0.0)) for name in ("old", "new")
        ]

    return make


def route(stage, id):
    (found,) = [each for each in stage.snapshot.routes if each.id == id]
    return found


@pytest.mark.parametrize(
    ("id", "step", "pair"),
    [
        pytest.param("bills", "quota", ("limit: 10/1m", "limit: 11/1m"), id="a tier"),
        pytest.param(
            "bills", "quota", ("version: 1", "version: 1\nquota_store: {on_failure: deny}"), id="store"
        ),
        pytest.param("bills", "auth", ("audience: [api]}\n  away", "audience: [b]}\n  away"), id="an issuer"),
        pytest.param(
            "pay",
            "cors",
            ("  web: {allow_origins: [", '  web: {allow_origins: ["https://b.example", '),
            id="cors",
        ),
        pytest.param("pay", "validate", ('"object"', '"array"'), id="the text of a schema"),
        pytest.param("pay", "allow", ("scopes: [pay]", "scopes: [buy]"), id="a scope"),
        pytest.param("pay", "limits", ("body: 1KiB", "body: 2KiB"), id="a size"),
        pytest.param("pay", "csrf", ("cors: web", 'csrf: "off"'), id="csrf"),
        pytest.param("pay", "compress", ("cors: web", "compress: true"), id="a key that no judge knows"),
    ],
)
def test_another_text_is_another_saying(stages, id, step, pair):
    old, new = stages(pair)
    assert said(old, route(old, id), step) != said(new, route(new, id), step)


@pytest.mark.parametrize("step", ["quota", "auth", "cors", "validate", "allow", "limits", "csrf", "compress"])
def test_the_same_text_is_the_same_saying(stages, step):
    old, new = stages(("version: 1", "version: 1\nname: b"))
    assert said(old, route(old, "pay"), step) == said(new, route(new, "pay"), step)


def test_what_no_route_takes_has_the_defaults(stages):
    old, _ = stages()
    unmatched = old.snapshot.router.unmatched
    assert old.specs.gateway.defaults is spec_of(old, unmatched)
    assert said(old, unmatched, "compress") is None


def test_public_is_no_method(stages):
    old, _ = stages()
    proofs = said(old, route(old, "either"), "auth")
    assert isinstance(proofs, Proofs)
    assert (["home"], True) == ([name for name, _ in proofs.methods], proofs.optional)
