"""The document of the examples, and others; and what is made of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main

PETS = (Path(__file__).parents[2] / "examples" / "schemas" / "pets.yaml").read_text()
URL = "http://127.0.0.1:3000"


@pytest.fixture
def pets() -> str:
    """The document of a service, in YAML."""
    return PETS


@pytest.fixture
def document() -> Callable[..., dict[str, Any]]:
    """A document of 3.1 with these paths and other members."""

    def make(paths: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
        return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths or {}, **members}

    return make


@pytest.fixture
def imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Import a document; gives the status, the file that was written, and what was told."""
    monkeypatch.chdir(tmp_path)

    def run(said: str | bytes | dict[str, Any], *more: str, name: str = "") -> tuple[int, str, str]:
        place = tmp_path / "schemas" / (name or ("api.json" if isinstance(said, dict) else "api.yaml"))
        place.parent.mkdir(exist_ok=True)
        text = json.dumps(said) if isinstance(said, dict) else said
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        output = ["--output", "policies/api.yaml", "--gateway", "config/gateway.yaml"]
        status = main(["import", "openapi", f"schemas/{place.name}", "--upstream", URL, *output, *more])
        written = tmp_path / "policies" / "api.yaml"
        return status, written.read_text() if written.exists() else "", capsys.readouterr().err

    return run
