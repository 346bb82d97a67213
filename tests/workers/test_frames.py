"""Messages survive whatever a stream does to them; what is no message ends the conversation."""

import pytest

from gateway.workers.frames import (
    BODY_AT_MOST,
    SOCKETS_AT_MOST,
    BrokenChannelError,
    Frames,
    Message,
    Word,
    frame,
    packed,
    unpacked,
)

SAID = [Message(Word.READY, 0, b"{}"), Message(Word.PREPARE, 7), Message(Word.REPLY, 4294967295, b"\0" * 300)]


@pytest.mark.parametrize("size", [1, 2, 9, 10, 11, 64, 10_000])
def test_messages_come_in_pieces_of_any_size(size):
    stream = b"".join(map(frame, SAID))
    frames = Frames()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert SAID == [message for piece in pieces for message in frames.feed(piece)]
    assert b"" == frames.rest


def test_the_next_program_goes_on_in_the_middle_of_a_message():
    data = frame(SAID[2])
    before = Frames()
    assert [] == list(before.feed(data[:50]))
    assert [SAID[2]] == list(Frames(before.rest).feed(data[50:]))


def test_descriptors_go_with_their_messages():
    first, second = (Message(Word.SERVE, number, b"", (number, number + 1)) for number in (3, 5))
    frames = Frames()
    data = frame(first) + frame(second)
    assert [first] == list(frames.feed(data[: len(data) - 1], (3, 4, 5, 6)))
    assert [second] == list(frames.feed(data[-1:]))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="text"),
        pytest.param(frame(SAID[0]).replace(b"\x01", b"\x63", 1), id="an unknown word"),
        pytest.param((BODY_AT_MOST + 1).to_bytes(4, "big") + bytes(6), id="a body that is too large"),
        pytest.param(frame(Message(Word.SERVE, 1, b"", (3,))), id="a descriptor that has not come"),
    ],
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(BrokenChannelError):
        list(Frames().feed(data))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Message(Word.REPORT, 0, bytes(BODY_AT_MOST + 1)), id="a body"),
        pytest.param(Message(Word.SERVE, 0, b"", (1,) * (SOCKETS_AT_MOST + 1)), id="descriptors"),
    ],
)
def test_too_much_is_not_sent(message):
    with pytest.raises(BrokenChannelError):
        frame(message)


@pytest.mark.parametrize("parts", [[], [b""], [b"a", b"", b"bc" * 1000]])
def test_several_texts_make_one_body(parts):
    assert parts == unpacked(packed(parts))


def test_a_body_that_is_cut_short_is_refused():
    with pytest.raises(BrokenChannelError):
        unpacked(packed([b"abc"])[:-1])
