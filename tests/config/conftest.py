"""A configuration from texts: written to a folder, loaded, its problems told without the folder's name."""

from textwrap import dedent

import pytest

from gateway.config.load import load, load_snapshot
from gateway.config.problem import ConfigError

GATEWAY = """
version: 1
upstreams:
  pay: {endpoints: ["http://127.0.0.1:4009"]}
policies: [policies]
"""
POLICIES = """
routes:
  - {id: pay, match: {path: /pay}, upstream: pay, auth: public}
"""


@pytest.fixture
def written(tmp_path):
    """Writes gateway.yaml and files of policies, those given or two that load; gives the first one's path.

    `documents` are what stands beside the policies, by file name.
    """

    def write(gateway=GATEWAY, policies=POLICIES, documents=(), **more):
        (tmp_path / "policies").mkdir(exist_ok=True)
        texts = {"gateway.yaml": gateway, "policies/a.yaml": policies}
        texts |= {f"policies/{name}.yaml": text for name, text in more.items()}
        texts |= {f"policies/{name}": text for name, text in dict(documents).items()}
        for name, text in texts.items():
            raw = text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode()
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(raw)
        return tmp_path / "gateway.yaml"

    return write


@pytest.fixture
def specs(written):
    """The Specs of the texts."""
    return lambda environ=(), **texts: load(written(**texts), dict(environ))


@pytest.fixture
def compiled(written):
    """The Snapshot of the texts."""
    return lambda environ=(), **texts: load_snapshot(written(**texts), dict(environ))


@pytest.fixture
def report(written):
    """The problems of the texts as lines, none if they load."""

    def load_and_tell(environ=(), **texts):
        path = written(**texts)
        try:
            load_snapshot(path, dict(environ))
        except ConfigError as error:
            return str(error).replace(f"{path.parent}/", "").splitlines()
        return []

    return load_and_tell
