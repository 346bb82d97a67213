"""What `gateway import` takes on the command line. Nothing is imported that `--help` could do without."""

import argparse
from pathlib import Path

_EPILOG = """\
Writes a route for each operation. What cannot be mapped stands as a comment beside the route and is told on
standard error; an operation that cannot be protected as the document says is closed with 501.

example:
  gateway init http://127.0.0.1:3000
  gateway import openapi schemas/pets.yaml --upstream http://127.0.0.1:3000 --output policies/pets.yaml

Exit status: 0 written, 1 the document is not sound or the file is there already, 2 wrong usage.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the verb its arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("kind", choices=["openapi"], help="what FILE is: OpenAPI 3.0 or 3.1")
    parser.add_argument("file", type=Path, metavar="FILE", help="the document, .yaml or .json")
    parser.add_argument(
        "--upstream",
        metavar="URL",
        help="where the service is (default: as the document's first server says)",
    )
    parser.add_argument(
        "--prefix", default="", help="put before every path, and taken off on forwarding, such as /api/pets"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="the file of policies to write (default: standard output)"
    )
    parser.add_argument(
        "--gateway",
        type=Path,
        metavar="FILE",
        help="write a gateway.yaml, too, as `gateway init` does, with what it needs",
    )
