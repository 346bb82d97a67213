"""The reference of security headers."""

import pytest

from gateway.config.header_manual import PURPOSES, header_manual
from gateway.policy.presets import PRESETS


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            "| `Strict-Transport-Security` | Browsers come back over TLS only. | set | set | set |",
            id="a field",
        ),
        pytest.param("| default | default |  |", id="one that a preset does not have"),
        pytest.param(
            "| Server and its kin | Nobody is told of the software behind. | removed |", id="a list"
        ),
    ],
)
def test_a_header_has_its_row(row):
    assert row in header_manual()


def test_every_field_of_every_preset_has_a_row_and_its_value():
    for name, preset in PRESETS.items():
        for field, value in (*preset.set.items(), *preset.default.items()):
            assert f"| `{field}` |" in header_manual(), name
            assert f" {field}: {value}\n" in header_manual()


def test_the_published_list_is_the_preset_that_follows_it():
    """But for Clear-Site-Data, which is for logouts, and for the fields that have to go."""
    published = {*PRESETS["owasp"].set, *PRESETS["owasp"].default}
    assert published | {"Clear-Site-Data", "Server and its kin"} == {*PURPOSES}
