"""What `gateway explain` takes on the command line. Nothing is imported that `--help` could do without."""

import argparse

_EPILOG = """\
Nothing is sent and nobody is asked: the request is read, routed and judged by the same code that serves,
with full buckets and a clock that stands still. Only with --request-id a running gateway is asked, at the
admin listener of the configuration, for what became of a request.

examples:
  gateway explain GET /api/pay/charges
  gateway explain GET /api/pay/charges --as thandi:finance
  gateway explain POST /api/pay/charges --as thandi:finance -H 'Content-Type: text/csv' --body charges.csv
  gateway explain --curl "curl -X DELETE https://api.azora.example/api/auth/sessions/s-1 -H 'Origin: null'"
  gateway explain --har recording.har:3 --as thandi:student --format json
  gateway explain --request-id 6a7955bea965b24d6a94982977424634

Exit status: 0 it passes or is answered, 1 it is refused or nobody can tell, 2 it could not be explained.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the verb its arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("method", nargs="?", metavar="METHOD", help="the method, such as GET")
    parser.add_argument("url", nargs="?", metavar="URL", help="a URL, or a path; sent as it stands")
    parser.add_argument(
        *("-H", "--header"), action="append", default=[], metavar="'NAME: VALUE'", help="may be repeated"
    )
    parser.add_argument("--body", metavar="FILE", help="the file of the body; - is standard input")
    parser.add_argument("--client", metavar="ADDRESS", help="who connects (default: 192.0.2.1, a stranger)")
    parser.add_argument("--listener", type=int, metavar="N", help="on which listener, the first is 1")
    parser.add_argument("--curl", metavar="COMMAND", help="take the request from a curl command")
    parser.add_argument("--har", metavar="FILE[:N]", help="take it from an entry of a HAR file")
    parser.add_argument(
        "--request-id", metavar="ID", help="what became of a request: its X-Request-Id, as its client got it"
    )
    who = parser.add_argument_group("who asks")
    who.add_argument("--as", dest="subject", metavar="SUBJECT[:ROLE,ROLE]", help="assumed to be verified")
    who.add_argument("--scope", action="append", default=[], help="a scope of the same; may be repeated")
    who.add_argument("--claim", action="append", default=[], metavar="NAME=JSON", help="a claim of the same")
    who.add_argument("--tier", help="the tier of the same")
    who.add_argument(
        "--method-of-auth",
        default="",
        metavar="NAME",
        help="by what (default: as the route's auth begins)",
    )
    who.add_argument("--token", metavar="JWT", help="a bearer token, verified if the keys are in the files")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="how (default: text)")
