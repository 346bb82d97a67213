"""What `gateway audit` takes on the command line. Nothing is imported that `--help` could do without."""

import argparse
from pathlib import Path

_EPILOG = """\
Nothing is sent and nobody is asked. Findings that are meant to be as they are stand in
policies/audit/waivers.yaml, each with its reason and its end.

examples:
  gateway audit                                              what is left open, and what to do about it
  gateway audit --fail-on warning                            for continuous integration
  gateway audit --format sarif > audit.sarif                 for code hosts
  gateway audit --format markdown > docs/security-checklist.md

Exit status: 0 clean, 1 findings as bad as --fail-on or worse, 2 it could not be audited.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the verb its arguments."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "--format",
        choices=["text", "markdown", "json", "sarif"],
        default="text",
        help="how (default: text)",
    )
    parser.add_argument(
        "--waivers", type=Path, metavar="FILE", help="waivers (default: audit/waivers.yaml beside policies)"
    )
    parser.add_argument(
        "--fail-on",
        choices=["error", "warning", "note"],
        default="error",
        metavar="LEVEL",
        help="from which severity on the exit status is 1: error, warning, note (default: error)",
    )
