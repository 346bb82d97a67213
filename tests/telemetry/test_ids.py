"""Ids are unique and hexadecimal, whatever sizes are mixed."""

import re

from gateway.telemetry.ids import SPAN, TRACE, Ids


def test_no_id_is_given_twice_and_each_has_its_digits():
    ids = Ids()
    taken = [ids.take(TRACE if number % 3 else SPAN) for number in range(5000)]
    assert len({*taken}) == 5000
    assert all(re.fullmatch(b"[0-9a-f]{32}|[0-9a-f]{16}", each) for each in taken)
