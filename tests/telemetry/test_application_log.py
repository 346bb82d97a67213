"""The program's own log is read by programs, or by people at a terminal; nobody else writes in it."""

import json
import logging
import os
import subprocess
import sys

import pytest

from gateway.config.snapshot import Log
from gateway.telemetry.application_log import JsonLines, TextLines, application_log, level, set_level

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


@pytest.fixture
def root():
    """The root logger, which gets back what it had."""
    logger = logging.getLogger()
    handlers, level = logger.handlers, logger.level
    yield logger
    logger.handlers, logger.level = handlers, level
    logging.getLogger("asyncio").setLevel(logging.NOTSET)


@pytest.fixture
def opened():
    """Open both ends of a pipe, or of a terminal; what reads comes first."""
    ends = []

    def make(kind):
        ends.extend(kind())
        return ends[-2:]

    yield make
    for end in ends:
        os.close(end)


def written(reading):
    """What was written by the program's log until now, which ends with that."""
    logging.getLogger().handlers[0].close()
    return os.read(reading, 65536).decode()


@pytest.mark.parametrize(
    ("format", "kind", "is_json"),
    [
        pytest.param("auto", os.openpty, False, id="as text on a terminal"),
        pytest.param("auto", os.pipe, True, id="as JSON elsewhere"),
        pytest.param("text", os.pipe, False, id="as text where that is said"),
        pytest.param("json", os.openpty, True, id="as JSON where that is said"),
    ],
)
def test_a_message_is_written(root, opened, format, kind, is_json):
    reading, writing = opened(kind)
    application_log(Log(format, "info"), writing)
    logging.getLogger("gateway").info("hello")
    text = written(reading)
    assert is_json == text.startswith("{")
    assert "hello" in text


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        pytest.param("debug", ["debug", "info", "warning", "error"], id="everything"),
        pytest.param("info", ["info", "warning", "error"], id="what is usual"),
        pytest.param("warning", ["warning", "error"], id="what is not"),
        pytest.param("error", ["error"], id="what is wrong"),
    ],
)
def test_a_level_is_a_bound(root, opened, level, expected):
    reading, writing = opened(os.pipe)
    application_log(Log("json", level), writing)
    for word in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("gateway"), word)(word)
    assert expected == [json.loads(line)["message"] for line in written(reading).splitlines()]


def test_it_can_be_set_up_again(root, opened):
    """Once before there is a configuration, once with it: a message is written once."""
    (first, to_first), (second, to_second) = opened(os.pipe), opened(os.pipe)
    application_log(Log("auto", "info"), to_first)
    application_log(Log("text", "info"), to_second)
    logging.getLogger("gateway").info("hello")
    assert 1 == written(second).count("hello")
    os.set_blocking(first, False)
    with pytest.raises(BlockingIOError):
        os.read(first, 1)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param("info", "debug", ["debug", "info"], id="more is told"),
        pytest.param("error", "warning", [], id="less of it"),
        pytest.param("warning", "error", [], id="less is told"),
    ],
)
def test_the_level_can_be_changed_and_the_log_tells_so(root, opened, before, after, told):
    """Whatever the level was and is: somebody who reads it later has to know why it is silent."""
    reading, writing = opened(os.pipe)
    application_log(Log("json", before), writing)
    set_level(after)
    assert after == level()
    log = logging.getLogger("gateway")
    log.debug("debug")
    log.info("info")
    root.handlers[0].close()
    lines = [json.loads(line) for line in os.read(reading, 65536).decode().splitlines()]
    assert f"the log tells from {after} on, no longer from {before}" == lines[0]["message"]
    assert told == [line["message"] for line in lines[1:]]


@pytest.mark.parametrize("wanted", ["", "loud", "DEBUG", "notset"])
def test_what_is_no_level_changes_nothing(root, wanted):
    before = level()
    with pytest.raises(ValueError, match="expected one of debug, info, warning, error"):
        set_level(wanted)
    assert before == level()


def test_nobody_waits_for_a_reader_that_does_not_read(root, opened):
    """What finds no room is lost and counted, the rest comes in its order."""
    reading, writing = opened(os.pipe)
    application_log(Log("json", "info"), writing)
    for number in range(3000):
        logging.getLogger("gateway").info("%d %s", number, "x" * 1000)
    text = ""
    while "are lost" not in text:
        text += os.read(reading, 65536).decode()
    *told, last = [json.loads(line)["message"] for line in text.splitlines()]
    numbers = [int(message.split()[0]) for message in told]
    assert sorted(numbers) == numbers
    assert f"{3000 - len(numbers)} messages of this log are lost" == last
    assert 1000 <= len(numbers) < 3000


@pytest.mark.parametrize("is_blocking", [True, False])
def test_what_does_not_fit_at_once_is_whole(root, opened, is_blocking):
    reading, writing = opened(os.pipe)
    os.set_blocking(writing, is_blocking)
    application_log(Log("json", "info"), writing)
    for number in range(100):
        logging.getLogger("gateway").info("%d %s", number, "x" * 8000)
    text = ""
    while text.count("\n") < 100:
        text += os.read(reading, 1000).decode()
    assert [*range(100)] == [int(json.loads(line)["message"].split()[0]) for line in text.splitlines()]


def test_a_reader_that_is_gone_is_no_error(root, opened):
    reading, writing = os.pipe()
    os.close(reading)
    application_log(Log("json", "info"), writing)
    logging.getLogger("gateway").info("hello")
    root.handlers[0].close()
    os.close(writing)


def test_a_stuck_reader_does_not_keep_the_process_from_its_end():
    """Its last messages are lost, two seconds later."""
    code = (
        "import logging\n"
        "from gateway.config.snapshot import Log\n"
        "from gateway.telemetry.application_log import application_log, standard_error\n"
        "application_log(Log('json', 'info'), standard_error())\n"
        "[logging.getLogger('gateway').info('x' * 8000) for _ in range(100)]\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as process:
        assert 0 == process.wait(30)


def test_what_was_closed_at_the_start_is_not_written_to():
    code = (
        "import os; from gateway.telemetry.application_log import standard_error; "
        "print(os.readlink(f'/proc/self/fd/{standard_error()}'))"
    )
    said = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", code], capture_output=True, check=True
    )
    assert b"/dev/null\n" == said.stdout
