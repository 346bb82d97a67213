"""The Dockerfile, built without an engine, and what runs of it: as nobody, where nothing can be written.

A build takes some minutes, most of them mypyc's, so it is no part of every run. `AZORA_IMAGE` in the
environment names the image that is looked at: `sh deploy/image/build.sh azora-gateway:local` builds one.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGE = os.environ.get("AZORA_IMAGE", "")
PATIENCE = 60.0
# What an engine does: a root that nobody can write to, the configuration mounted, the user of the image.
INSIDE = """\
set -e
mount --bind "$1" "$1"
mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/etc/azora"
mount -o remount,ro,bind "$1/etc/azora"
mount -o remount,ro,bind "$1"
root=$1 user=$3
shift 3
exec chroot --userspec="$user" "$root" "$@"
"""
CONFIG = """\
version: 1
listeners: [{address: "127.0.0.1:0"}]
admin: {address: "127.0.0.1:PORT"}
policies: [../policies]
"""
POLICIES = "routes: [{id: a, match: {path: /}, auth: public, respond: {body: here}}]\n"

pytestmark = pytest.mark.long


def buildah(*words):
    """What buildah says."""
    done = subprocess.run(["buildah", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image():
    """The folder of the image's files, and what it says of itself."""
    if not shutil.which("buildah"):
        pytest.skip("buildah is not installed")
    if os.geteuid() != 0 or not IMAGE:
        pytest.skip("no image is named: as root, AZORA_IMAGE=azora-gateway:local after deploy/image/build.sh")
    said = json.loads(buildah("inspect", "--type", "image", IMAGE))["OCIv1"]["config"]
    container = buildah("from", "--pull-never", IMAGE)
    try:
        folder = Path(buildah("mount", container))
        # An engine makes the places of what it mounts.
        (folder / "etc" / "azora").mkdir(parents=True)
        yield folder, said
    finally:
        buildah("umount", container)
        buildah("rm", container)


@pytest.fixture
def inside(image):
    """Begin a program of the image on a folder of configuration."""
    folder, said = image
    environment = dict(each.split("=", 1) for each in said["Env"])
    alone = ["unshare", "--mount", "sh", "-c", INSIDE, "sh"]
    running = []

    def begin(configuration, *words):
        command = [*alone, folder, configuration, said["User"], *words]
        process = subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
            process.communicate()


def ended(process):
    """Its exit status, and what it said."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out + err


@pytest.fixture
def shipped(tmp_path):
    """The configuration of the repository, where an image looks for it."""
    for name in ("config", "policies"):
        shutil.copytree(ROOT / name, tmp_path / "azora" / name)
    readable(tmp_path / "azora")
    return tmp_path / "azora"


def readable(folder):
    """Let the user of the image read what only the one who runs the tests could."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_it_is_compiled_and_finds_the_shipped_configuration_in_order(inside, shipped):
    status, said = ended(inside(shipped, "gateway", "version"))
    assert (0, True) == (status, said.endswith("(compiled)\n")), said
    status, said = ended(inside(shipped, "gateway", "check"))
    assert (0, True) == (status, said.startswith("ok: ")), said


def test_it_is_nobody_who_can_write_nothing(inside, shipped):
    program = (
        "import os, tempfile\n"
        "print(os.getuid(), os.getgid())\n"
        "for place in ('/', '/etc/azora', '/opt/gateway', '/tmp'):\n"
        "    try: tempfile.TemporaryFile(dir=place)\n"
        "    except OSError as error: print(place, error.strerror)\n"
    )
    status, said = ended(inside(shipped, "/opt/gateway/bin/python", "-c", program))
    read_only = [f"{place} Read-only file system" for place in ("/", "/etc/azora", "/opt/gateway", "/tmp")]
    assert (0, ["65532 65532", *read_only]) == (status, said.splitlines())


def test_it_serves_is_asked_by_itself_and_drains(inside, tmp_path, image):
    """By the very words of ENTRYPOINT, CMD and STOPSIGNAL."""
    _, said = image
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, text in (("config/gateway", CONFIG), ("policies/routes", POLICIES)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}.yaml").write_text(text.replace("PORT", str(port)))
    readable(tmp_path)
    gateway = inside(tmp_path, *said["Entrypoint"], *said["Cmd"])
    due = time.monotonic() + PATIENCE
    while ended(inside(tmp_path, "gateway", "healthcheck")) != (0, "ready\n"):
        assert gateway.poll() is None, gateway.communicate()
        assert time.monotonic() < due
    gateway.send_signal(getattr(signal, said["StopSignal"]))
    assert 0 == ended(gateway)[0]


def test_it_has_every_file_of_the_package_and_nothing_to_build_with(image):
    folder, _ = image
    (installed,) = (folder / "opt" / "gateway").glob("lib/python3*/site-packages/gateway")
    of_tree = {path.relative_to(ROOT / "gateway") for path in (ROOT / "gateway").rglob("*") if path.is_file()}
    expected = {path for path in of_tree if "__pycache__" not in path.parts}
    assert set() == expected - {path.relative_to(installed) for path in installed.rglob("*")}
    assert [] == [name for name in ("gcc", "cc", "ld", "make") if (folder / "usr" / "bin" / name).exists()]
    assert not (folder / "opt" / "gateway" / "bin" / "pip").exists()
