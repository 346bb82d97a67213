"""The three content codings, as fast as they pay off: gzip at level 5, Brotli at 4, Zstandard at 3."""

import zlib
from collections.abc import Callable
from typing import Final, Protocol, final

import brotli
import zstandard

_GZIP_LEVEL = 5
_BROTLI_QUALITY = 4
# RFC 9659 allows zstd windows of up to 8 MiB; 256 KiB are enough here, and hold less memory.
_WINDOW = 18
_ZSTD = zstandard.ZstdCompressionParameters.from_level(3, window_log=_WINDOW)


class Encoder(Protocol):
    """Turns one body into its coding. After `flush` the client can decode all that went in."""

    def compress(self, data: bytes) -> bytes: ...
    def flush(self) -> bytes: ...
    def finish(self) -> bytes: ...


@final
class _Gzip:
    """RFC 1952."""

    __slots__ = ("_object", "compress")

    def __init__(self) -> None:
        self._object = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self.compress: Callable[[bytes], bytes] = self._object.compress

    def flush(self) -> bytes:
        return self._object.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._object.flush(zlib.Z_FINISH)


@final
class _Brotli:
    """RFC 7932."""

    __slots__ = ("compress", "finish", "flush")

    def __init__(self) -> None:
        compressor = brotli.Compressor(quality=_BROTLI_QUALITY, lgwin=_WINDOW)
        self.compress: Callable[[bytes], bytes] = compressor.process
        self.flush: Callable[[], bytes] = compressor.flush
        self.finish: Callable[[], bytes] = compressor.finish


@final
class _Zstd:
    """RFC 8878."""

    __slots__ = ("_object", "compress")

    def __init__(self) -> None:
        self._object = zstandard.ZstdCompressor(compression_params=_ZSTD).compressobj()
        self.compress: Callable[[bytes], bytes] = self._object.compress

    def flush(self) -> bytes:
        return self._object.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._object.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)


# By the names of `gateway.http.coding`.
ENCODERS: Final[dict[bytes, Callable[[], Encoder]]] = {b"gzip": _Gzip, b"br": _Brotli, b"zstd": _Zstd}
