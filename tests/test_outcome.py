"""What came of a configuration survives the way to another process."""

import pytest

from gateway.outcome import Outcome, outcome


@pytest.mark.parametrize(
    ("made", "told"),
    [
        pytest.param(Outcome("abc", True), "configuration abc serves", id="another one"),
        pytest.param(Outcome("abc", False), "configuration abc serves, as before", id="the same"),
        pytest.param(
            Outcome("abc", False, ("a", "b")),
            "the new configuration is not taken, abc serves on:\na\nb",
            id="one that is not taken",
        ),
    ],
)
def test_an_outcome_is_told_and_read(made, told):
    assert (told, made) == (made.told, outcome(made.record()))
