"""The commands of the demo are ones a shell takes, and they lead where they say."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from gateway.demo.examples import examples

_POLICIES = Path(__file__).parents[2] / "policies"
_BASE = "http://127.0.0.1:8080"

_COMMANDS = [pytest.param(command, id=shows) for shows, command in examples(_BASE)]


def _routes() -> list[tuple[re.Pattern[str], list[str], str]]:
    routes = []
    for file in sorted(_POLICIES.glob("*-*.yaml")):
        policies = yaml.CSafeLoader(file.read_bytes()).get_single_data()
        for route in policies["routes"]:
            path = policies["defaults"]["prefix"] + route["match"]["path"]
            pattern = re.compile(re.sub(r"{\w+}", "[^/]+", path))
            routes.append((pattern, route["match"]["methods"], route["id"]))
    return routes


def _reached(command: str) -> str | None:
    words = shlex.split(command)
    path = next(word for word in words if word.startswith(_BASE))[len(_BASE) :].partition("?")[0]
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    # A preflight takes the route of what it asks for.
    method = next((word.rpartition(" ")[2] for word in words if "Request-Method" in word), method)
    method = "POST" if {"-d", "--data-binary"} & set(words) else method
    return next(
        (id for path_of, methods, id in _routes() if path_of.fullmatch(path) and method in methods), None
    )


@pytest.mark.parametrize("command", _COMMANDS)
def test_shell_takes_the_command(command):
    """Nothing but a pipe stands outside of quotes, and the last program is curl."""
    words = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    assert {"|"} >= {word for word in words if word in {"&", "&&", "|", ";", "<", ">", "(", ")"}}
    assert "curl" == shlex.split(command.rpartition("| ")[2])[0]


def test_commands_lead_to_their_routes():
    """In their order; None where the gateway itself refuses."""
    expected = [
        "education-course-list",
        "education-course-list",
        "pay-charge-list",
        "pay-charge-list",
        "pay-charge-list",
        "pay-charge-list",
        "mint-wallet-read",
        "gateway-echo",
        "pay-charge-create",
        "pay-statement-download",
        "sapiens-answer-stream",
        "family-chat",
        "auth-session-delete",
        "health-probe-slow",
        "health-probe-slow",
        "health-probe-fail",
        "health-probe-drop",
        "pay-charge-read",
        None,
        None,
        "auth-session-create",
        None,
        "education-course-create",
        "pay-charge-create",
        "pay-charge-create",
    ]
    assert expected == [_reached(command) for _, command in examples(_BASE)]
