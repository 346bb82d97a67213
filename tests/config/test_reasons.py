"""The reference of reasons."""

import pytest

from gateway.config.reasons import REASONS, reasons
from gateway.http.reason import Reason
from gateway.refusals import WIRE, Faults
from gateway.wire.upstream import Fault

ROWS = {reason: status for rows in REASONS.values() for reason, status, _ in rows}
FAULTS = Faults("azora-gateway")
REPLIES = [*WIRE.values(), *(FAULTS.reply(fault) for fault in Fault), FAULTS.loop]


def test_every_reason_has_one_row():
    listed = [reason for rows in REASONS.values() for reason, _, _ in rows]
    assert sorted(Reason) == sorted(listed)
    assert len(Reason) == reasons().count("\n| `")


@pytest.mark.parametrize(
    "reply", [pytest.param(reply, id=f"{reply.reason}-{reply.status}") for reply in REPLIES]
)
def test_statuses_of_the_wire_and_of_backends_are_as_the_reference_says(reply):
    assert str(reply.status) == ROWS[reply.reason]
