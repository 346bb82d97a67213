"""`baggage`: only what the configuration names passes, and no more of it than has to."""

import pytest

from gateway.telemetry.baggage import Baggage

MANY = [b"tenant=%d" % number for number in range(65)]
LARGE = b"tenant=" + b"v" * 4088


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"tenant=a", b"tenant=a", id="a key that is named"),
        pytest.param(b"user=a", b"", id="one that is not"),
        pytest.param(b"user=a,tenant=b,plan=c", b"tenant=b,plan=c", id="each by itself, in their order"),
        pytest.param(b"Tenant=a", b"", id="keys are case-sensitive"),
        pytest.param(b"tenant = a ; secret = 1 ", b"tenant = a ; secret = 1", id="properties stay with it"),
        pytest.param(b"tenant=a;flag", b"tenant=a;flag", id="a property without a value"),
        pytest.param(b"tenant=", b"tenant=", id="a value may be empty"),
        pytest.param(b"tenant", b"", id="no value"),
        pytest.param(b"tenant=%20a", b"tenant=%20a", id="what is encoded stays so"),
        pytest.param(b'tenant="a"', b"", id="quotes"),
        pytest.param(b"tenant=a b", b"", id="a blank within"),
        pytest.param(b"tenant=a\\b", b"", id="a backslash"),
        pytest.param(b"tenant=a;=1", b"", id="a property without a name"),
        pytest.param(b"tenant=\xc3\xa9,plan=1", b"plan=1", id="a bad member goes alone"),
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b",,tenant=a,", b"tenant=a", id="empty members"),
        pytest.param(b",".join(MANY), b",".join(MANY[:64]), id="64 members pass"),
        pytest.param(b"x=1," * 100 + b"tenant=a", b"tenant=a", id="those that do not pass do not count"),
        pytest.param(LARGE + b"," + LARGE + b"v", LARGE + b"," + LARGE + b"v", id="8192 bytes pass"),
        pytest.param(LARGE + b"," + LARGE + b"vv", LARGE, id="8193 do not"),
    ],
)
def test_only_members_with_a_key_that_is_named_pass(value, expected):
    assert expected == Baggage(["tenant", "plan"]).passed_on(value)
