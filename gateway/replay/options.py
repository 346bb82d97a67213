"""What `gateway replay` takes on the command line. Nothing is imported that `--help` could do without."""

import argparse
from pathlib import Path

KINDS = ("refused", "allowed", "otherwise", "upstream", "answer", "route")

_EPILOG = """\
Each request of the log is rehearsed on both configurations, as `gateway explain --as` does it: with the
principal, the roles and the address that the log names. What depends on what no log has (bodies, fields,
tokens, how often somebody asked) is taken from the log where OLD and NEW say the same of it. Where they do
not, the request is counted as one of which nobody can tell.

example:
  git worktree add /tmp/before main && gateway replay /tmp/before . --log /var/log/gateway/access.log

Exit status: 0 nothing is decided differently, 1 something is, 2 a configuration or a log cannot be read.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the verb its arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("old", type=Path, metavar="OLD", help="a gateway.yaml, or a directory with one")
    parser.add_argument("new", type=Path, metavar="NEW", help="the other one")
    parser.add_argument(
        "--log",
        action="append",
        required=True,
        metavar="FILE",
        help="an access log, also .gz; - is standard input; may be repeated",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=KINDS,
        help="only differences of this kind count; may be repeated",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit 1 also where nobody can tell whether something differs"
    )
    parser.add_argument(
        "--listener", type=int, default=1, metavar="N", help="on which listener, the first is 1"
    )
    parser.add_argument("--format", choices=["text", "json"], default="text", help="how (default: text)")
