"""A document of a service, and what is made of others."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main

PETS = """\
openapi: 3.0.3
info: {title: Pet Store, version: 1.2.0}
servers: [{url: "https://pets.example/v1"}]
security: [{accounts: []}]
paths:
  /pets:
    get:
      operationId: listPets
      summary: All pets, the newest first
      security: []
      parameters: [{name: limit, in: query, schema: {type: integer, maximum: 100}}]
      responses: {"200": {description: Pets.}}
    post:
      operationId: createPet
      security: [{accounts: ["pets:write"]}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
      responses: {"201": {description: The pet.}}
  /pets/{petId}:
    parameters: [{name: petId, in: path, required: true, schema: {type: string}}]
    get: {operationId: readPet, responses: {"200": {description: The pet.}}}
    delete:
      operationId: deletePet
      deprecated: true
      security: [{accounts: ["pets:write"]}, {robots: []}]
      responses: {"204": {description: Gone.}}
  /pets/{petId}/photo.{format}:
    get:
      operationId: readPhoto
      parameters:
        - {name: petId, in: path, required: true, schema: {type: string}}
        - {name: format, in: path, required: true, schema: {type: string, enum: [png, webp]}}
      responses: {"200": {description: A picture.}}
  /reports:
    get:
      operationId: readReports
      security: [{accounts: [], robots: []}]
      responses: {"200": {description: Numbers.}}
  /staff:
    get: {operationId: listStaff, security: [{people: []}, {}], responses: {"200": {description: Names.}}}
components:
  securitySchemes:
    accounts:
      type: openIdConnect
      openIdConnectUrl: https://id.example/.well-known/openid-configuration
    robots: {type: apiKey, in: header, name: X-Robot-Key}
    people: {type: http, scheme: basic}
  schemas:
    Pet: {type: object, required: [name], properties: {name: {type: string}}}
"""
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
