"""Entries for the files of keys and users, as text to paste."""

from collections.abc import Mapping
from json import dumps

from pydantic import ValidationError

from gateway.config.schema.credentials import ApiKeySpec, UserSpec


def key_entry(id: str, digest: str, principal: str, more: Mapping[str, object]) -> str:
    """The entry of a key; `more` are other members, left out where empty. Raises ValueError."""
    return _entry(ApiKeySpec, {"id": id, "sha256": digest, "principal": principal, **more})


def user_entry(name: str, hash: str) -> str:
    """The entry of a user. Raises ValueError."""
    return _entry(UserSpec, {"name": name, "hash": hash})


def _entry(spec: type[ApiKeySpec | UserSpec], members: Mapping[str, object]) -> str:
    said = {name: value for name, value in members.items() if value}
    try:
        spec.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        message = first.get("ctx", {}).get("error", first["msg"])
        raise ValueError(f"{first['loc'][0]}: {message}") from None
    # JSON is YAML, quotes and all.
    lines = [f"{name}: {dumps(value, ensure_ascii=False)}" for name, value in said.items()]
    return "  - " + "\n    ".join(lines)
