"""Where a close frame of our own may stand: between two frames of the backend's, wherever reads are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.websocket import GOING_AWAY, POLICY_VIOLATION, Frames

CLOSE = b"\x88\x02\x03\xe9"
TEXT = b"\x81\x05hello"
MEDIUM = b"\x82\x7e\x00\x7e" + b"m" * 126
LARGE = b"\x82\x7f" + (300).to_bytes(8, "big") + b"l" * 300
MASKED = b"\x81\x85\x01\x02\x03\x04hello"
MASKED_MEDIUM = b"\x82\xfe\x00\x80\x01\x02\x03\x04" + b"m" * 128
EMPTY = b"\x82\x00"
PING = b"\x89\x04ping"
BEGUN, ENDED = b"\x01\x03hel", b"\x80\x02lo"
DEFLATED = b"\xc1\x03abc"
THEIRS = b"\x88\x05\x0f\xa0bye"

FRAMES = [
    pytest.param(TEXT, id="a short one"),
    pytest.param(MEDIUM, id="a length of 16 bits"),
    pytest.param(LARGE, id="a length of 64 bits"),
    pytest.param(MASKED, id="a masked one"),
    pytest.param(MASKED_MEDIUM, id="a masked one with a length of 16 bits"),
    pytest.param(EMPTY, id="an empty one"),
    pytest.param(PING, id="a control frame"),
    pytest.param(BEGUN, id="the first part of a message"),
    pytest.param(ENDED, id="the last part of a message"),
    pytest.param(DEFLATED, id="a compressed one"),
]


@pytest.mark.parametrize("frame", FRAMES)
def test_close_frame_waits_for_the_end_of_a_frame(frame):
    """Asked for at every byte: it stands behind the frame that has begun, and nothing goes behind it."""
    for place in range(1, len(frame)):
        frames = Frames()
        assert TEXT + frame[:place] == frames.take(TEXT + frame[:place])
        assert b"" == frames.close(GOING_AWAY), place
        assert frame[place:] + CLOSE == frames.take(frame[place:] + TEXT), place
        assert b"" == frames.take(TEXT)
        assert len(TEXT) + len(frame) + len(CLOSE) == frames.passed


@pytest.mark.parametrize("frame", FRAMES)
def test_close_frame_stands_at_once_between_frames(frame):
    """Whatever way the bytes before it came: whole, in two pieces, one by one."""
    sent = frame + TEXT + frame
    cuts = [[sent], *[[sent[:place], sent[place:]] for place in range(1, len(sent))]]
    cuts.append([sent[place : place + 1] for place in range(len(sent))])
    for pieces in cuts:
        frames = Frames()
        assert sent == b"".join([frames.take(piece) for piece in pieces])
        assert CLOSE == frames.close(GOING_AWAY)
        assert b"" == frames.take(TEXT)
        assert (True, False) == (frames.is_closing, frames.is_lost)


def test_tunnel_may_be_closed_before_a_frame_has_come():
    assert b"\x88\x02\x03\xf0" == Frames().close(POLICY_VIOLATION)


@pytest.mark.parametrize("place", range(1, len(THEIRS)))
def test_close_frame_of_the_backend_is_the_last_word(place):
    """RFC 6455 5.5.1: nothing is sent behind a close frame; what the backend sends is its own affair."""
    frames = Frames()
    assert TEXT + THEIRS == frames.take(TEXT + THEIRS[:place]) + frames.take(THEIRS[place:])
    assert b"" == frames.close(GOING_AWAY)
    assert b"more" == frames.take(b"more")
    assert (True, False) == (frames.is_closing, frames.is_lost)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x82\x7f" + b"\xff" * 8, id="a length beyond 63 bits"),
        pytest.param(b"\x89\x7e\x00\x7e", id="a control frame that is too long"),
        pytest.param(b"\x09\x00", id="a control frame in parts"),
        pytest.param(b"\x08\x00", id="a close frame in parts"),
    ],
)
def test_where_frames_are_lost_no_close_frame_stands(garbage):
    """The bytes pass all the same: the client is to judge them."""
    for place in range(len(garbage)):
        frames = Frames()
        sent = frames.take(TEXT + garbage[:place]) + frames.take(garbage[place:] + b"more")
        assert TEXT + garbage + b"more" == sent
        assert frames.is_lost
        assert b"" == frames.close(GOING_AWAY)
        assert b"more" == frames.take(b"more")


def test_length_that_never_ends_keeps_nothing():
    """The largest frame there can be: only a number is kept of it, and a close frame never comes."""
    frames = Frames()
    frames.take(b"\x82\x7f\x7f" + b"\xff" * 7)
    assert b"" == frames.close(GOING_AWAY)
    assert bytes(100_000) == frames.take(bytes(100_000))
    assert not frames.is_lost


@given(
    st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([case.values[0] for case in FRAMES]))),
    st.integers(min_value=0),
)
def test_whatever_comes_passes_as_it_came(pieces, moment):
    """Up to our close frame, which stands behind a part of it, and is the last that the client gets."""
    frames = Frames()
    sent = b""
    for number, piece in enumerate(pieces):
        if number == moment % (len(pieces) + 1):
            sent += frames.close(GOING_AWAY)
        sent += frames.take(piece)
        assert len(frames._header) < 14
    assert len(sent) == frames.passed
    whole = b"".join(pieces)
    assert sent == whole or (sent.endswith(CLOSE) and whole.startswith(sent.removesuffix(CLOSE)))
