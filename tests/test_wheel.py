"""What a wheel holds: every file of the package, whatever its kind, and nothing beside it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ASKED_FOR = ("pyproject.toml", "setup.py", "README.md", "LICENSE")


@pytest.fixture
def source(tmp_path):
    """What the image and others build a wheel from, where it may be changed."""
    shutil.copytree(
        ROOT / "gateway", tmp_path / "source" / "gateway", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ASKED_FOR:
        shutil.copy(ROOT / name, tmp_path / "source")
    return tmp_path / "source"


def files(folder):
    """The paths of all files below a folder, from it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def packed(source):
    """The files that go into a wheel, but for what is compiled of them."""
    folder = source.parent / "packed"
    command = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", folder]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return files(folder)


def test_no_file_is_left_behind(source):
    """Pages and scripts of the console neither: only an installed package would miss them."""
    expected = {f"gateway/{path}" for path in files(source / "gateway")}
    assert expected == packed(source)
    assert {"gateway/py.typed", "gateway/cli.py"} < expected


def test_a_file_of_an_unknown_kind_would_be_found_missing(source):
    """So `package-data` has to say of each kind that it belongs to it."""
    (source / "gateway" / "admin" / "page.unknown").touch()
    assert "gateway/admin/page.unknown" not in packed(source)
