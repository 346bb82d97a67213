"""The three codings, against decoders of another make."""

import gzip
import zlib
from itertools import pairwise

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.coding import CODINGS
from gateway.wire.encoder import ENCODERS

TEXT = b'{"id": 1, "name": "a course", "lessons": [1, 2, 3]}\n' * 100  # 5 KiB


def decoders(coding):
    """A function that decodes piece by piece."""
    if coding == b"gzip":
        return zlib.decompressobj(31).decompress
    if coding == b"br":
        return brotli.Decompressor().process
    return zstandard.ZstdDecompressor().decompressobj().decompress


def decoded(coding, data):
    """A whole body; raises unless it ends where it should."""
    if coding == b"gzip":
        return gzip.decompress(data)
    if coding == b"br":
        return brotli.decompress(data)
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


CODING = pytest.mark.parametrize("coding", [pytest.param(coding, id=coding.decode()) for coding in CODINGS])


def test_every_coding_that_is_negotiated_can_be_written():
    assert set(CODINGS) == ENCODERS.keys()


@CODING
@given(places=st.lists(st.integers(0, 5000), max_size=8))
def test_a_body_comes_back_whatever_its_pieces(coding, places):
    encoder = ENCODERS[coding]()
    pieces = [TEXT[start:end] for start, end in pairwise([0, *sorted(places), 5000])]
    written = b"".join([encoder.compress(piece) for piece in pieces]) + encoder.finish()
    assert TEXT[:5000] == decoded(coding, written)
    assert len(written) < 1000


@CODING
def test_what_is_flushed_can_be_read_at_once(coding):
    encoder, decode = ENCODERS[coding](), decoders(coding)
    for number in range(20):
        piece = b"event %d" % number
        assert piece == decode(encoder.compress(piece) + encoder.flush())
    assert b"" == decode(encoder.finish())


@CODING
def test_nothing_is_a_body_too(coding):
    assert b"" == decoded(coding, ENCODERS[coding]().finish())


def test_the_window_of_zstd_is_small():
    """A response that its client reads for long holds less than a megabyte (RFC 9659 allows 8 MiB)."""
    encoder = ENCODERS[b"zstd"]()
    written = b"".join([encoder.compress(TEXT) for _ in range(10)]) + encoder.finish()
    assert zstandard.get_frame_parameters(written).window_size <= 1 << 18
