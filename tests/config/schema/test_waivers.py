import pytest
from pydantic import ValidationError

from gateway.config.schema.waivers import WaiversSpec

WAIVER = {"rule": "AZ101", "route": "a", "reason": "It has to be.", "expires": "2027-01-01T00:00:00Z"}


def test_a_waiver_holds_seconds():
    (waiver,) = WaiversSpec.model_validate({"waivers": [WAIVER]}).waivers
    assert (1798761600.0, None) == (waiver.expires, waiver.place)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"rule": "101"}, id="no id of a rule"),
        pytest.param({"reason": "because"}, id="no reason"),
        pytest.param({"expires": "2027-01-01"}, id="no moment"),
        pytest.param({"place": "admin"}, id="two things"),
    ],
)
def test_what_is_no_waiver_is_refused(change):
    with pytest.raises(ValidationError):
        WaiversSpec.model_validate({"waivers": [WAIVER | change]})
