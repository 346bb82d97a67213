"""What requests share."""

import re

from gateway.surroundings import Ids


def test_ids_are_32_digits_and_never_come_again():
    """Also across the point where the system is asked anew."""
    ids = Ids()
    made = [ids.new() for _ in range(1000)]
    assert all(re.fullmatch(rb"[0-9a-f]{32}", each) for each in made)
    assert len(made) == len({*made})
