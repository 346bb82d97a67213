import pytest

from gateway.http.edits import Block
from gateway.http.fields import REQUEST_FIELDS, sift
from gateway.http.request import Request
from gateway.policy import Exchange


@pytest.fixture
def exchange():
    """Makes the exchange of a request that differs from a plain GET only in what is given."""

    def make(
        *,
        client="192.0.2.1",
        length=0,
        method=b"GET",
        path=b"/",
        query=b"",
        fields=(),
        lines=(),
        noted=(),
        body=None,
        captures=(),
        principal=None,
    ):
        passing, known, _ = sift([*lines, *(b"%b: %b" % field for field in fields)], REQUEST_FIELDS)
        request = Request(
            method=method,
            authority=b"a.example",
            path=path,
            query=query,
            lines=passing,
            noted=known | dict(noted),
            length=length,
            client=client,
            secure=False,
            forwarding=Block(()),
        )
        made = Exchange(request, b"0" * 32, captures)
        made.principal = principal
        if body is not None:
            made.body = body
        return made

    return make
