"""What a supervisor knows of a configuration survives the way to it."""

import pytest

from gateway.workers.facts import facts, read_facts


def test_facts_are_read_as_they_were_said(snapshot):
    made = snapshot(more="timeouts: {min_drain: 1s, drain: 7s}\nwatch: true\n")
    known = facts(made)
    assert known == read_facts(known.body())
    assert (made.version, True, 1.0, 7.0) == (known.version, known.watch, known.min_drain, known.drain)
    assert ("127.0.0.1:0", "127.0.0.1:0") == known.addresses
    assert [*made.files] == known.paths


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"version": "a"}'])
def test_what_is_none_is_refused(body):
    with pytest.raises((TypeError, ValueError, KeyError)):
        read_facts(body)
