"""Builds the path that every request takes as extension modules; everything else is in pyproject.toml.

mypyc compiles the same typed Python that runs without it. A wheel has the modules where a C compiler was, and
is plain Python elsewhere; an editable installation, made for changing the code, always is.
"""

import sys
from glob import glob
from pathlib import Path

from setuptools import Extension, setup

# What every request meets; what is read at load, or asked once for a token, would gain nothing.
POLICIES = (
    *("__init__", "allow", "authn", "bucket", "compress", "cors", "credential", "csrf", "guard", "logic"),
    *("quota", "recent", "report", "standing", "tier", "token"),
)
TELEMETRY = (
    *("access_log", "baggage", "books", "context", "decisions", "ids", "passage", "recorder", "redaction"),
    *("tally", "tracestate", "writer"),
)
COMPILED = (
    *("gateway/http/*.py", "gateway/wire/*.py", "gateway/upstream/*.py"),
    *(f"gateway/policy/{name}.py" for name in POLICIES),
    *(f"gateway/telemetry/{name}.py" for name in TELEMETRY),
    *(f"gateway/quota/{name}.py" for name in ("frames", "keeper", "memory", "redis", "script", "shared")),
    *("gateway/routing.py", "gateway/rewrite.py", "gateway/retry.py"),
    *("gateway/refusals.py", "gateway/surroundings.py", "gateway/relay.py", "gateway/proxy.py"),
)


def extensions() -> list[Extension]:
    """The extension modules of a wheel; none for the other things that setuptools is asked for."""
    if not {"bdist_wheel", "build_ext"}.intersection(sys.argv):
        return []
    from mypyc.build import mypycify

    found = {path for pattern in COMPILED for path in glob(pattern) if Path(path).stat().st_size}
    # `make check` has found the types sound; here the libraries, and so their types, may not be installed.
    options = ["--config-file=", "--ignore-missing-imports"]
    built: list[Extension] = mypycify([*options, *sorted(found)], opt_level="3", debug_level="0")
    for extension in built:
        extension.optional = True
    return built


setup(ext_modules=extensions())
