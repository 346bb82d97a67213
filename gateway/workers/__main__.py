"""`python -m gateway.workers`: the processes that `gateway run` starts where there are several.

`FILE CONTROL QUOTAS` is a worker, `resume STATE` the supervisor in a new program, and `check STATE` whether
that would understand what it is left; all but the file are descriptors.
"""

import socket
import stat
import sys
from collections.abc import Callable
from os import fstat
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run one of them; returns the exit status."""
    match arguments:
        case ["resume" | "check" as verb, state] if state.isdecimal() and _is(stat.S_ISREG, int(state)):
            from gateway.workers.supervisor import check, resume

            return resume(int(state)) if verb == "resume" else check(int(state))
        case [path, *numbers] if len(numbers) == 2 and all(map(_is_socket, numbers)):
            control, quotas = [socket.socket(fileno=int(number)) for number in numbers]
            for each in (control, quotas):
                each.set_inheritable(False)
            from gateway.workers.service import work

            return work(Path(path), control, quotas)
    print("gateway: workers are started by `gateway run`, whose configuration has `workers`", file=sys.stderr)
    return 2


def _is_socket(number: str) -> bool:
    return number.isdecimal() and _is(stat.S_ISSOCK, int(number))


def _is(kind: Callable[[int], bool], descriptor: int) -> bool:
    try:
        return kind(fstat(descriptor).st_mode)
    except OSError:
        return False


sys.exit(main(sys.argv[1:]))
