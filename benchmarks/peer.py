"""What is measured: a reverse proxy that can be configured, started on a core and asked for its version.

Every peer gets the same site and does the same for it: forward all paths to one upstream, over kept
connections, in one worker, without a log. Being ready means the same for all and is judged by `serving.py`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import final

from benchmarks.workloads import Setting

# nginx and HAProxy are in a folder that is not on everybody's path.
_SEARCHED = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])


@final
@dataclass(frozen=True, slots=True)
class Site:
    """Where a peer works: its folder, the port it listens on, the port of the backend, what it is to do.

    `secure` is a second port, on which it speaks TLS where that is the setting.
    """

    folder: Path
    port: int
    backend: int
    setting: Setting
    secure: int


@final
@dataclass(frozen=True, slots=True)
class Peer:
    """One proxy: the names its executable may have, the argument that makes it print a version.

    `configure` writes its files into the site's folder and returns the arguments that run it on them; it
    raises RuntimeError if something that it needs is not installed. It knows the settings of `settings`.
    In those of `idle_in` it forwards and does nothing else: there it is what the others are held against.
    `beside` is the command of a server that it needs, which runs on the core of the load.
    """

    name: str
    programs: tuple[str, ...]
    version_argument: str
    configure: Callable[[Site], list[str]]
    settings: frozenset[Setting] = frozenset({"bare", "policies"})
    idle_in: frozenset[Setting] = frozenset()
    beside: Callable[[Site], list[str]] | None = None

    def command(self, site: Site) -> list[str]:
        """Configure it for a site; the command that runs it there in the foreground."""
        return [str(program(*self.programs)), *self.configure(site)]

    def version(self) -> str:
        """The version it prints, and its build or else the name of its executable.

        Raises RuntimeError if it prints none.
        """
        path = program(*self.programs)
        run = subprocess.run(
            [path, self.version_argument], capture_output=True, text=True, check=False, timeout=30
        )
        said = run.stdout + run.stderr
        version = re.search(r"\bv?(\d+\.\d+\.\d+)(?: \((compiled|interpreted)\))?", said)
        if version is None:
            raise RuntimeError(f"{path.name} printed no version: {said}")
        return f"{version[1]} ({version[2] or path.name})"


@cache
def program(*names: str) -> Path:
    """The first of these executables that the interpreter's environment or else the system has.

    Looked up once, so that a whole run measures what its report names. Raises RuntimeError if there is none.
    """
    for name in names:
        path = Path(sys.executable).with_name(name)
        if path.exists():
            return path
        if found := shutil.which(name, path=_SEARCHED):
            return Path(found)
    raise RuntimeError(f"{' or '.join(names)} is not installed; `make bench-all` installs what it can")
