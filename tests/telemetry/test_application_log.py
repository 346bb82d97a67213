"""The program's own log is read by programs, or by people at a terminal; nobody else writes in it."""

import io
import json
import logging
import sys

import pytest

from gateway.config.snapshot import Log
from gateway.telemetry.application_log import JsonLines, TextLines, application_log

HOSTILE = 'a\r\n2026-01-01 INFO forged\x1b[31m\u202e"\\\x9b\u2028\ud800'


def record(message="said %s", *arguments, exc_info=None, **extra):
    made = logging.LogRecord("gateway", logging.WARNING, "a.py", 1, message, arguments, exc_info)
    made.created, made.msecs = 1_800_000_000.25, 250.0
    for name, value in extra.items():
        setattr(made, name, value)
    return made


def caught():
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        return sys.exc_info()


def test_a_message_is_an_object():
    assert {
        "type": "log",
        "time": "2027-01-15T08:00:00.250Z",
        "level": "warning",
        "logger": "gateway",
        "message": "said hello",
        "exception": "",
    } == json.loads(JsonLines().format(record("said %s", "hello")))


def test_a_message_about_a_request_names_it():
    ids = {"request_id": "1" * 32, "trace_id": "2" * 32, "span_id": "3" * 16}
    told = json.loads(JsonLines().format(record("failed", **ids)))
    assert ids == {name: told[name] for name in ids}
    assert TextLines().format(record("failed", **ids)).endswith(f" WARNING failed, request {'1' * 32}")


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()], ids=["JSON", "text"])
def test_nothing_orders_a_terminal_about(formatter):
    text = formatter.format(record("said %s", HOSTILE, exc_info=caught(), request_id=HOSTILE))
    assert text.isprintable() or all(line.isprintable() for line in text.split("\n"))
    assert not any(character in text for character in "\r\x1b\x9b\u202e\u2028\ud800")


def test_json_is_one_line_with_the_whole_traceback():
    line = JsonLines().format(record("said %s", HOSTILE, exc_info=caught()))
    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == f"said {HOSTILE}".replace("\ud800", "\ufffd")
    assert told["exception"].startswith("Traceback (most recent call last):\n")


def test_no_line_of_a_text_looks_like_a_message_that_is_none():
    first, *rest = TextLines().format(record("said %s", HOSTILE, exc_info=caught())).split("\n")
    assert "WARNING said a\\r\\n2026-01-01 INFO forged" in first
    assert rest
    assert all(line.startswith("  ") for line in rest)


def test_long_messages_are_cut():
    told = json.loads(JsonLines().format(record("%s", "a" * 100_000)))
    assert 8192 == len(told["message"])


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def root():
    """The root logger, which gets back what it had."""
    logger = logging.getLogger()
    handlers, level = logger.handlers, logger.level
    yield logger
    logger.handlers, logger.level = handlers, level
    logging.getLogger("asyncio").setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("format", "stream", "is_json"),
    [
        pytest.param("auto", Terminal, False, id="as text on a terminal"),
        pytest.param("auto", io.StringIO, True, id="as JSON elsewhere"),
        pytest.param("text", io.StringIO, False, id="as text where that is said"),
        pytest.param("json", Terminal, True, id="as JSON where that is said"),
    ],
)
def test_a_message_is_written(root, format, stream, is_json):
    to = stream()
    application_log(Log(format, "info"), to)
    logging.getLogger("gateway").info("hello")
    assert is_json == to.getvalue().startswith("{")
    assert "hello" in to.getvalue()


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        pytest.param("debug", ["debug", "info", "warning", "error"], id="everything"),
        pytest.param("info", ["info", "warning", "error"], id="what is usual"),
        pytest.param("warning", ["warning", "error"], id="what is not"),
        pytest.param("error", ["error"], id="what is wrong"),
    ],
)
def test_a_level_is_a_bound(root, level, expected):
    to = io.StringIO()
    application_log(Log("json", level), to)
    for word in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("gateway"), word)(word)
    assert expected == [json.loads(line)["message"] for line in to.getvalue().splitlines()]


def test_it_can_be_set_up_again(root):
    """Once before there is a configuration, once with it: a message is written once."""
    first, second = io.StringIO(), io.StringIO()
    application_log(Log("auto", "info"), first)
    application_log(Log("text", "info"), second)
    logging.getLogger("gateway").info("hello")
    assert ("", 1) == (first.getvalue(), second.getvalue().count("hello"))
