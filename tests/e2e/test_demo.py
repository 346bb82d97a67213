"""`gateway demo` as a person meets it: a welcome, commands that do what they say, and Ctrl-C."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

from gateway.demo.examples import examples, tokens

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
# What each example shows -> the exit status of curl, and what stands in its output.
SHOWN = {
    "A list, with our headers on it": (
        0,
        ["HTTP/1.1 200 OK", "Cross-Origin-Resource-Policy: same-site", '"id": "course-1"'],
    ),
    "The same list, compressed on its way": (
        0,
        ["HTTP/1.1 200 OK", "Content-Encoding: ", "Vary: Origin, Accept-Encoding", '"id": "course-1"'],
    ),
    "What needs a token, asked for without one: 401": (
        0,
        ["HTTP/1.1 401 Unauthorized", 'WWW-Authenticate: Bearer realm="azora-gateway"', '"no_credentials"'],
    ),
    "The same with one": (0, ["HTTP/1.1 200 OK", '"id": "charge-1"']),
    "With one that somebody has changed: 401": (
        0,
        ["HTTP/1.1 401 Unauthorized", 'error="invalid_token"', '"reason":"invalid_token"'],
    ),
    "With one whose roles do not permit it: 403, reason missing_permission": (
        0,
        ["HTTP/1.1 403 Forbidden", '"reason":"missing_permission"'],
    ),
    "A wallet of one's own, and somebody else's: 200, then 403, reason condition_failed": (
        0,
        ["HTTP/1.1 200 OK", '"balance": 320', "HTTP/1.1 403 Forbidden", '"reason":"condition_failed"'],
    ),
    "What the service behind sees of a request: who asks, and no token": (
        0,
        [
            '"query": "a=1&a=2"',
            '["X-Azora-Edge", "gateway"]',
            '["X-Forwarded-Prefix", "/api/gateway"]',
            '["X-Auth-Subject", "user-1"]',
            '["X-Auth-Roles", "educator"]',
            '["X-Auth-Method", "azora-id"]',
        ],
    ),
    "Something new: 201, and its Location with the prefix put back": (
        0,
        ["HTTP/1.1 201 Created", "Location: /api/pay/charges/charge-3"],
    ),
    "A file to keep": (
        0,
        [
            "HTTP/1.1 200 OK",
            'Content-Disposition: attachment; filename="statement.csv"',
            "2026-01-03,charge-1",
        ],
    ),
    "An answer word by word, as server-sent events": (0, ["event: token", "event: done"]),
    # 28: curl ended it after two seconds.
    "A WebSocket: 101, a greeting, and the end after two seconds": (
        28,
        ["HTTP/1.1 101 Switching Protocols", "Sharp! What are we building?"],
    ),
    "A browser asks whether a page of ours may send a DELETE: a preflight, answered by the gateway": (
        0,
        [
            "HTTP/1.1 204 No Content",
            "Access-Control-Allow-Origin: https://app.azora.example",
            "Access-Control-Allow-Methods: PUT, DELETE",
        ],
    ),
    "A slow service that makes it in time": (0, ['{"slept": 2.0}']),
    "One that does not: 504 after five seconds": (
        0,
        ["HTTP/1.1 504 Gateway Timeout", '"reason":"upstream_timeout"'],
    ),
    "A service that fails: its own 500": (0, ["HTTP/1.1 500 Internal Server Error", '{"error": ']),
    # 18: curl has a part of the body only.
    "A service that hangs up in the middle of a body": (18, ["HTTP/1.1 200 OK", "0123456789"]),
    "A 404 of the service": (0, ["HTTP/1.1 404 Not Found", '{"error": ']),
    "A 404 of the gateway: no route": (0, ["HTTP/1.1 404 Not Found", '"reason":"no_route"']),
    "A method that no route allows: 405": (
        0,
        ["HTTP/1.1 405 Method Not Allowed", "Allow: GET, HEAD", '"reason":"method_not_allowed"'],
    ),
    "Eight logins at once: five pass, then 429 and when to try again": (
        0,
        [
            "HTTP/1.1 201 Created",
            'RateLimit: "login";r=4;t=6',
            "HTTP/1.1 429 Too Many Requests",
            'RateLimit: "login";r=0;t=',
            "Retry-After: ",
            '"violated-policies":["login"]',
        ],
    ),
    "A path trick, refused": (0, ["HTTP/1.1 400 Bad Request", '"reason":"bad_path"']),
    "What another site made a browser send, refused": (
        0,
        ["HTTP/1.1 403 Forbidden", '"reason":"cross_site_request"'],
    ),
    "A body over the route's limit, refused before it is read": (
        0,
        ["HTTP/1.1 413 ", '"reason":"body_too_large"'],
    ),
    "A body that its schema does not admit: 422, and where": (
        0,
        [
            "HTTP/1.1 422 ",
            '"reason":"invalid_body"',
            '"errors":[{"pointer":"#/amount","detail":"has the wrong type"}]',
        ],
    ),
}


async def welcome(demo) -> tuple[str, str]:
    """The URL that the demo answers at, and everything that it prints at its start."""
    text = await demo.said("Ctrl-C stops it.", on="stdout")
    at = re.search(r"Ten services answer through the gateway at (http://127\.0\.0\.1:\d+)\.", text)
    return at[1], text


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No other demo of this machine is found, and shells know our `gateway`."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


async def run(command: str) -> tuple[int, str]:
    """What a shell makes of a command: its exit status and its output."""
    process = await asyncio.create_subprocess_shell(command, stdout=PIPE, stderr=DEVNULL)
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    return process.returncode, out.decode("latin-1")


async def shell_variables() -> str:
    """The tokens as a shell has them that has run the first commands."""
    _, text = await run("; ".join([*tokens("gateway"), 'echo "TOKEN=$TOKEN; FINANCE=$FINANCE; "']))
    return text.strip() + " "


async def test_each_example_does_what_it_says(program, repository):
    """Run as printed, all at once: the slowest takes five seconds."""
    base, _ = await welcome(await program("demo", "--config", repository))
    shown = examples(base)
    assert [*SHOWN] == [what for what, _ in shown]
    known = await shell_variables()
    outcomes = await asyncio.gather(*(run(known + command) for _, command in shown))
    seen = {}
    for what, (status, output) in zip(SHOWN, outcomes, strict=True):
        seen[what] = status, [text for text in SHOWN[what][1] if text in output] or output
    assert SHOWN == seen


async def test_what_the_welcome_says_can_be_pasted(program, repository):
    """The examples, for the port that was really taken, questions to the admin listener, and the log."""
    base, text = await welcome(await program("demo", "--config", repository))
    assert re.search(r"  # The console, .*: http://127\.0\.0\.1:\d+/\n", text)
    commands = [line.strip() for line in text.splitlines() if line.startswith("  ") and "  # " not in line]
    assert tokens("gateway") + [command for _, command in examples(base)] == commands[:-4]
    asked = [command.replace("curl", "curl -fi") for command in commands[-4:-1]]
    answers = await asyncio.gather(*map(run, asked))
    assert [(0, "HTTP/1.1 200 OK")] * 3 == [(status, output[:15]) for status, output in answers]
    assert '"id": "pay-charge-create"' in answers[0][1]
    assert '"name": "azora-pay"' in answers[1][1]
    assert answers[2][1].endswith("[]")
    assert (0, "") == await run(commands[-1])


def readme_rows() -> list[tuple[str, str]]:
    """The commands in README's table of what is checked, each with the cell of its refusals."""
    table = README.partition("\n## What is checked\n")[2].partition("\n## ")[0]
    cells = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return [(cell[2].strip(" |`"), cell[1]) for cell in cells if cell[2].startswith("`curl ")]


async def test_what_the_readme_says_can_be_pasted(program, repository):
    """Each command shows a status or a reason of its line."""
    base, _ = await welcome(await program("demo", "--config", repository))
    rows = readme_rows()
    assert len(rows) >= 18
    known = await shell_variables()
    here = base.removeprefix("http://")
    commands = [command.replace("localhost:8080", here) for command, _ in rows]
    outcomes = await asyncio.gather(*(run(known + command) for command in commands))
    for (command, refusals), (_, output) in zip(rows, outcomes, strict=True):
        reasons = [f'"reason":"{word}"' for word in re.findall(r"`(\w+)`", refusals)]
        statuses = [f"HTTP/1.1 {status} " for status in re.findall(r"\d{3}", refusals)]
        shown = [text for text in reasons or statuses if text in output]
        # A preflight of strangers is answered, and permits nothing.
        if not shown and refusals.startswith("an answer without permission"):
            shown = ["Access-Control-Allow-Origin" not in output]
        assert shown, (command, output)


async def test_ctrl_c_ends_it_in_peace(program, repository):
    """Long before a drain would have to end, and nothing is left to read."""
    demo = await program("demo", "--config", repository)
    base, _ = await welcome(demo)
    await run(f"curl {base}/api/education/courses")
    demo.signal(signal.SIGINT)
    async with asyncio.timeout(10):
        status, out, err = await demo.ended()
    assert (0, "", False) == (status, out, "Traceback" in err)


async def test_tokens_are_signed_as_long_as_it_runs(program, repository):
    """And a token of one demo is none for the next."""
    assert (1, "") == await run("gateway token --role educator")
    demo = await program("demo", "--config", repository)
    base, _ = await welcome(demo)
    _, token = await run("gateway token --role finance --scope pay --subject thandi")
    charges = f"curl -i -H 'Authorization: Bearer {token.strip()}' {base}/api/pay/charges"
    assert "HTTP/1.1 200 OK" == (await run(charges))[1][:15]
    demo.signal(signal.SIGKILL)
    await demo.process.wait()
    assert (1, "") == await run("gateway token")
    base, _ = await welcome(await program("demo", "--config", repository))
    _, other = await run(f"curl -i -H 'Authorization: Bearer {token.strip()}' {base}/api/pay/charges")
    assert "HTTP/1.1 401 " == other[:13]
