"""Lines reach their file in order, and whatever is wrong with it costs lines and nothing else."""

import logging
import os
import threading
import time
from errno import ENOSPC

import pytest

from gateway.telemetry.writer import Writer

PATIENCE = 5.0


@pytest.fixture
def writer():
    """Start the writer of a path, whose thread ends with the test."""
    writers = []

    def start(path, **settings):
        made = Writer(str(path), **settings)
        made.start()
        writers.append(made)
        return made

    yield start
    for made in writers:
        made.stop()


def until(holds):
    """Wait for a thread, which tells nobody."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def line(number, size=0):
    return b"%d%b\n" % (number, b"." * size)


def counted(made):
    return made.lines, made.queue_full, made.write_failed


def told(caplog):
    return [(record.levelname, record.getMessage().partition(": ")[2]) for record in caplog.records]


def test_lines_are_written_in_order(writer, tmp_path):
    """However many there are, and behind what the file has already."""
    path = tmp_path / "access.log"
    path.write_bytes(b"old\n")
    made = writer(path)
    for number in range(20_000):
        made.put(line(number, 50))
    made.stop()
    assert path.read_bytes() == b"old\n" + b"".join(line(number, 50) for number in range(20_000))
    assert (20_000, 0, 0) == counted(made)


def test_lines_come_without_another_one_and_without_a_stop(writer, tmp_path):
    path = tmp_path / "access.log"
    made = writer(path)
    for number in range(3):
        made.put(line(number))
        until(lambda: made.lines == number + 1)  # noqa: B023 - asked at once.
    assert b"0\n1\n2\n" == path.read_bytes()


def test_several_threads_lose_nothing(writer, tmp_path):
    """Only the loop gives lines; but it does so while the thread takes them."""
    path = tmp_path / "access.log"
    made = writer(path)
    given = 0
    # On and on while it writes, and never more than it has room for.
    while made.lines < 10_000 and given < 300_000:
        made.put(line(given))
        given += 1
    made.stop()
    assert ([*range(given)], 0) == ([int(text) for text in path.read_text().splitlines()], made.queue_full)


def test_only_its_user_and_group_may_read_a_new_file(writer, tmp_path):
    writer(tmp_path / "access.log")
    assert 0 == (tmp_path / "access.log").stat().st_mode & 0o137


def test_a_file_that_cannot_be_opened_is_an_error_at_the_start(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        Writer(str(tmp_path / "nowhere" / "access.log")).start()
    assert str(tmp_path / "nowhere" / "access.log") == raised.value.filename


@pytest.mark.parametrize(
    "take_away",
    [
        pytest.param(lambda path: path.rename(path.with_suffix(".1")), id="renamed"),
        pytest.param(lambda path: path.unlink(), id="removed"),
        pytest.param(lambda path: (path.rename(path.with_suffix(".1")), path.touch()), id="replaced"),
    ],
)
def test_a_file_that_was_moved_away_is_made_anew(writer, tmp_path, take_away):
    """As logrotate does it; nothing needs to be told."""
    path = tmp_path / "access.log"
    made = writer(path)
    made.put(line(1))
    until(lambda: made.lines == 1)
    take_away(path)
    made.put(line(2))
    until(lambda: made.lines == 2)
    assert b"2\n" == path.read_bytes()
    assert not (old := path.with_suffix(".1")).exists() or old.read_bytes() == b"1\n"


def test_a_file_that_was_emptied_is_written_from_its_beginning(writer, tmp_path):
    """`copytruncate`: an appending writer leaves no hole."""
    path = tmp_path / "access.log"
    made = writer(path)
    made.put(line(1))
    until(lambda: made.lines == 1)
    os.truncate(path, 0)
    made.put(line(2))
    until(lambda: made.lines == 2)
    assert b"2\n" == path.read_bytes()


def test_a_full_disk_costs_lines_and_is_told_once(writer, caplog):
    made = writer("/dev/full")
    for number in range(3):
        made.put(line(number))
        until(lambda: made.write_failed == number + 1)  # noqa: B023 - asked at once.
    assert (0, 0, 3) == counted(made)
    assert [("ERROR", "/dev/full cannot be written: No space left on device")] == told(caplog)


def test_an_outage_that_ends_is_told(writer, tmp_path, caplog):
    """What comes meanwhile is lost; what comes then is not."""
    caplog.set_level(logging.INFO)
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    made = writer(path)
    made.put(line(1))
    until(lambda: made.write_failed == 1)
    path.unlink()
    made.put(line(2))
    until(lambda: made.lines == 1)
    assert b"2\n" == path.read_bytes()
    assert ["ERROR", "INFO"] == [level for level, _ in told(caplog)]
    assert told(caplog)[1][1] == f"{path} can be written again"


def test_a_pipe_that_nobody_reads_yet_stops_nothing(writer, tmp_path, caplog):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    made = writer(path)
    made.put(line(1))
    until(lambda: made.write_failed == 1)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    made.put(line(2))
    until(lambda: made.lines == 1)
    assert b"2\n" == os.read(reader, 100)
    os.close(reader)
    made.put(line(3))
    until(lambda: made.write_failed == 2)
    assert ["No such device or address", "Broken pipe"] == [
        text.rpartition(": ")[2] for level, text in told(caplog) if level == "ERROR"
    ]


def test_a_pipe_that_nobody_empties_fills_the_queue_and_no_more(writer, tmp_path, caplog):
    """Whoever gives lines does not wait; when somebody reads again, whole lines come, the oldest first."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    made = writer(path, bound=100_000)
    begin = time.monotonic()
    for number in range(10_000):
        made.put(line(number, 90))
    assert time.monotonic() - begin < 1
    until(lambda: made.queue_full)
    assert made._given - made._taken <= 100_000
    os.set_blocking(reader, True)
    read = bytearray()

    def take():
        while piece := os.read(reader, 65536):
            read.extend(piece)

    thread = threading.Thread(target=take)
    thread.start()
    made.stop()
    thread.join()
    os.close(reader)
    kept = bytes(read).splitlines(keepends=True)
    assert [line(number, 90) for number in range(len(kept))] == kept
    assert (len(kept), 10_000 - len(kept), 0) == counted(made)
    assert [("WARNING", f"{path} was too slow, {10_000 - len(kept)} lines are lost")] == told(caplog)


def test_a_pipe_that_nobody_empties_does_not_hold_up_the_end(writer, tmp_path, caplog):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    made = writer(path)
    for number in range(10_000):
        made.put(line(number, 90))
    begin = time.monotonic()
    made.stop()
    assert time.monotonic() - begin < 3
    assert [("WARNING", f"nobody reads {path}, the last lines are lost")] == told(caplog)
    os.close(reader)  # which frees the thread


def test_what_follows_a_line_that_was_cut_is_a_line_of_its_own(writer, tmp_path, monkeypatch):
    """A disk that is full takes a part of a write, and then nothing."""
    path = tmp_path / "access.log"
    made = writer(path)
    write = os.write
    answers = ["a part", "nothing"]

    def failing(to, text):
        answer = answers.pop(0) if answers else "all"
        if answer == "nothing":
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        return write(to, text[:7] if answer == "a part" else text)

    monkeypatch.setattr(os, "write", failing)
    made.put(b"first\n")
    made.put(b"second\n")
    until(lambda: made.write_failed == 1)
    made.put(b"third\n")
    made.stop()
    assert b"first\ns\nthird\n" == path.read_bytes()
    assert (2, 0, 1) == counted(made)


def test_writes_in_parts_are_put_together(writer, tmp_path, monkeypatch):
    path = tmp_path / "access.log"
    made = writer(path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda to, text: write(to, text[:3]))
    for number in range(100):
        made.put(line(number, 10))
    made.stop()
    assert path.read_bytes() == b"".join(line(number, 10) for number in range(100))
    assert (100, 0, 0) == counted(made)


def test_a_stop_comes_twice_or_before_a_start(tmp_path):
    made = Writer(str(tmp_path / "access.log"))
    made.stop()
    made.start()
    made.stop()
    made.stop()


def test_standard_output_is_not_closed(writer, capfd):
    made = writer("")
    made.put(line(1))
    made.stop()
    assert "1\n" == capfd.readouterr().out
    os.fstat(1)


def test_lines_of_several_processes_do_not_run_into_each_other(tmp_path):
    """A pipe takes no more than so many bytes in one piece, whoever else writes to it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    writers = [Writer(str(path), is_alone=False) for _ in range(3)]
    sizes = (10, 700, 3000, 4095)
    for number, writer in enumerate(writers):
        for count in range(400):
            writer.put(bytes([ord("a") + number]) * sizes[count % len(sizes)] + b"\n")
        writer.start()
    expected = 3 * 100 * (sum(sizes) + len(sizes))
    gathered = bytearray()
    while len(gathered) < expected:
        gathered += os.read(reader, 1 << 16)
    for writer in writers:
        writer.stop()
    os.close(reader)
    lines = bytes(gathered).splitlines()
    assert 1200 == len(lines)
    assert {1} == {len(set(line)) for line in lines}
    assert {*sizes} == {len(line) for line in lines}


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_line_that_is_too_long_for_a_pipe_is_written_all_the_same(tmp_path, is_alone):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    writer = Writer(str(path), is_alone=is_alone)
    for line in (b"a" * 10_000 + b"\n", b"b\n"):
        writer.put(line)
    writer.start()
    gathered = bytearray()
    while len(gathered) < 10_003:
        gathered += os.read(reader, 1 << 16)
    writer.stop()
    os.close(reader)
    assert b"a" * 10_000 + b"\nb\n" == bytes(gathered)
    assert 2 == writer.lines
