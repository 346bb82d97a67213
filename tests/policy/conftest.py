import pytest

from gateway.http.edits import Block
from gateway.http.request import Request
from gateway.policy import Exchange


@pytest.fixture
def exchange():
    """Makes the exchange of a request that differs from a plain GET only in what is given."""

    def make(*, client="192.0.2.1", length=0, method=b"GET", lines=(), noted=(), captures=(), principal=None):
        request = Request(
            method=method,
            authority=b"a.example",
            path=b"/",
            query=b"",
            lines=list(lines),
            noted=dict(noted),
            length=length,
            client=client,
            secure=False,
            forwarding=Block(()),
        )
        made = Exchange(request, b"0" * 32, captures)
        made.principal = principal
        return made

    return make
