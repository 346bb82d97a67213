"""Scrapers that ask for the metrics page and read nothing: `python scraper.py PORT`.

Each asks many times on one connection with a small window, so that the pages stay where they are made.
"""

import socket
import sys
import time

_SCRAPERS = 4
_QUESTIONS = 20
_WINDOW = 4096
_EVERY = 5.0  # seconds


def main() -> None:
    """Stall until it is ended; whoever is closed by the gateway comes again."""
    port = int(sys.argv[1])
    while True:
        held = [scraper for scraper in (_stalled(port) for _ in range(_SCRAPERS)) if scraper is not None]
        time.sleep(_EVERY)
        for scraper in held:
            scraper.close()


def _stalled(port: int) -> socket.socket | None:
    scraper = socket.socket()
    scraper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW)
    try:
        scraper.connect(("127.0.0.1", port))
        scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * _QUESTIONS)
    except OSError:
        scraper.close()
        return None
    return scraper


if __name__ == "__main__":
    main()
