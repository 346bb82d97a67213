"""What the tests of the stack share."""

import shutil
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def prepare() -> Callable[[Path, Path], list[Path]]:
    """The function of prepare.py, which is a script and in no package."""
    spec = spec_from_file_location("prepare", ROOT / "observability" / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Callable[[Path, Path], list[Path]] = module.prepare
    return made


@pytest.fixture
def prepared(tmp_path: Path, prepare: Callable[[Path, Path], list[Path]]) -> Path:
    """A folder that `make secrets` has been run in; its own group may ask Docker."""
    shutil.copy(ROOT / ".env.example", tmp_path)
    prepare(tmp_path, tmp_path)
    return tmp_path
