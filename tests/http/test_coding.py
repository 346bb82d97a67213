import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.coding import CODINGS, Accepted, accepted

ALL = b"zstd, br, gzip"


@pytest.mark.parametrize(
    ("value", "coding", "narrowed"),
    [
        # What clients send.
        pytest.param(b"gzip, deflate, br, zstd", b"zstd", ALL, id="a browser"),
        pytest.param(b"gzip, deflate, br", b"br", b"br, gzip", id="an older browser"),
        pytest.param(b"gzip, deflate", b"gzip", b"gzip", id="a browser without TLS, a program"),
        pytest.param(b"gzip", b"gzip", b"gzip", id="gzip alone"),
        pytest.param(b"br", b"br", b"br", id="brotli alone"),
        pytest.param(b"zstd", b"zstd", b"zstd", id="zstd alone"),
        pytest.param(b"deflate", None, b"identity", id="only what we do not write"),
        pytest.param(b"identity", None, b"identity", id="as it is"),
        pytest.param(b"", None, b"identity", id="nothing"),
        pytest.param(b" ", None, b"identity", id="a blank"),
        pytest.param(b"*", b"zstd", ALL, id="anything"),
        pytest.param(b"dcb, dcz, br", b"br", b"br", id="codings with a dictionary"),
        pytest.param(b"x-gzip", b"gzip", b"gzip", id="gzip by its old name"),
        pytest.param(b"x-zstd, x-br", None, b"identity", id="no other has an old name"),
        # Weights.
        pytest.param(b"gzip;q=1.0, br;q=0.5", b"gzip", b"br;q=0.5, gzip", id="the heavier one"),
        pytest.param(
            b"gzip;q=0.8, br;q=0.8, zstd;q=0.8", b"zstd", b"zstd;q=0.8, br;q=0.8, gzip;q=0.8", id="alike"
        ),
        pytest.param(b"zstd;q=0.001, gzip;q=0.002", b"gzip", b"zstd;q=0.001, gzip;q=0.002", id="thousandths"),
        pytest.param(b"gzip;q=0", None, b"identity", id="gzip refused"),
        pytest.param(b"gzip;q=0.000", None, b"identity", id="refused in thousandths"),
        pytest.param(b"gzip;q=0, br", b"br", b"br", id="one of two refused"),
        pytest.param(b"zstd;q=0, *", b"br", b"br, gzip", id="anything but one"),
        pytest.param(b"gzip, *;q=0.5", b"gzip", b"zstd;q=0.5, br;q=0.5, gzip", id="one before anything"),
        pytest.param(
            b"gzip;q=0.2, *;q=0.5", b"zstd", b"zstd;q=0.5, br;q=0.5, gzip;q=0.2", id="one behind anything"
        ),
        pytest.param(b"gzip;q=1.", b"gzip", b"gzip", id="a point without digits"),
        pytest.param(b"gzip;q=0., br", b"br", b"br", id="a zero with a point"),
        # Identity.
        pytest.param(b"identity;q=0", None, b"identity;q=0", id="not as it is, and nothing else"),
        pytest.param(b"*;q=0", None, b"identity;q=0", id="nothing at all"),
        pytest.param(b"gzip, *;q=0", b"gzip", b"gzip, identity;q=0", id="gzip or nothing"),
        pytest.param(b"gzip, identity;q=0", b"gzip", b"gzip, identity;q=0", id="gzip and not as it is"),
        pytest.param(b"gzip;q=0, identity;q=0", None, b"identity;q=0", id="neither"),
        pytest.param(b"gzip;q=0.5, identity", None, b"gzip;q=0.5, identity", id="rather as it is"),
        pytest.param(
            b"gzip;q=0.5, identity;q=0.5", b"gzip", b"gzip;q=0.5, identity;q=0.5", id="as it is, alike"
        ),
        pytest.param(b"gzip;q=0.5, identity;q=0.2", b"gzip", b"gzip;q=0.5, identity;q=0.2", id="rather gzip"),
        pytest.param(b"gzip;q=0.1", b"gzip", b"gzip;q=0.1", id="as it is has no weight unless it is named"),
        pytest.param(b"identity, *;q=0", None, b"identity", id="as it is or nothing"),
        pytest.param(b"*, identity;q=0.5", b"zstd", ALL + b", identity;q=0.5", id="anything before as it is"),
        # Spelling.
        pytest.param(b"GZIP, Br", b"br", b"br, gzip", id="codings have no case"),
        pytest.param(b"gzip;Q=0, br", b"br", b"br", id="nor has q"),
        pytest.param(b"gzip ; q=0.5 , br\t;\tq=0.1", b"gzip", b"br;q=0.1, gzip;q=0.5", id="white space"),
        pytest.param(b",, gzip,,", b"gzip", b"gzip", id="empty elements"),
        pytest.param(b"gzip, gzip;q=0", None, b"identity", id="named twice: the lower weight"),
        pytest.param(b"x-gzip;q=0, gzip", None, b"identity", id="by both names: the lower weight"),
        # What cannot be understood is not accepted.
        pytest.param(b"gzip;q=2", None, b"identity", id="more than one"),
        pytest.param(b"gzip;q=-1", None, b"identity", id="less than none"),
        pytest.param(b"gzip;q=0.1234", None, b"identity", id="four digits"),
        pytest.param(b"gzip;q=1.001", None, b"identity", id="a little more than one"),
        pytest.param(b"gzip;q=1e0", None, b"identity", id="an exponent"),
        pytest.param(b"gzip;q=inf", None, b"identity", id="infinity"),
        pytest.param(b"gzip;q=nan, br", b"br", b"br", id="no number"),
        pytest.param(b"gzip;q", None, b"identity", id="a name without a weight"),
        pytest.param(b"gzip;", None, b"identity", id="a semicolon"),
        pytest.param(b"gzip;q=1;q=0", None, b"identity", id="two weights"),
        pytest.param(b"gzip;level=9", None, b"identity", id="another parameter"),
        pytest.param(b"gzip q=1", None, b"identity", id="no semicolon"),
        pytest.param(b"gzip br", None, b"identity", id="no comma"),
        pytest.param(b'"gzip"', None, b"identity", id="in quotes"),
        pytest.param(b"gzip\x00", None, b"identity", id="a zero byte"),
        pytest.param(b"\xc4\xb0gzip", None, b"identity", id="no ASCII"),
        pytest.param(b"gzip," + b"a," * 200, None, b"identity", id="more than is worth weighing"),
    ],
)
def test_the_wishes_of_a_client_are_weighed(value, coding, narrowed):
    assert Accepted(coding, narrowed) == accepted(value)


@given(st.binary(max_size=300))
def test_whatever_a_client_sends_is_weighed(value):
    wishes = accepted(value)
    assert wishes.coding in (None, *CODINGS)
    assert wishes.narrowed.isascii()
    assert len(wishes.narrowed) < 80


elements = st.tuples(
    st.sampled_from([b"gzip", b"br", b"zstd", b"identity", b"*", b"deflate"]),
    st.sampled_from([b"", b";q=1", b";q=0.5", b";q=0.001", b";q=0"]),
)


@given(st.lists(elements, unique_by=lambda element: element[0]))
def test_the_backend_is_told_what_the_client_wants(wanted):
    """Weighed again, the narrowed value comes to the same."""
    wishes = accepted(b", ".join([name + weight for name, weight in wanted]))
    again = accepted(wishes.narrowed)
    assert (wishes.coding, wishes.narrowed) == (again.coding, again.narrowed)
