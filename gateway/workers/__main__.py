"""`python -m gateway.workers`: a worker, which only its supervisor starts."""

import socket
import stat
import sys
from os import fstat
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Serve under a supervisor; returns the exit status."""
    try:
        path, number = arguments
        if not stat.S_ISSOCK(fstat(int(number)).st_mode):
            raise ValueError
        control = socket.socket(fileno=int(number))
    except (ValueError, OSError):
        print("gateway: workers are started by `gateway run`, which has `workers` of them", file=sys.stderr)
        return 2
    control.set_inheritable(False)
    from gateway.workers.service import work

    return work(control, Path(path))


sys.exit(main(sys.argv[1:]))
