import pytest

from gateway.policy import headers
from gateway.policy.presets import PRESETS

ALL = [pytest.param(name, id=name) for name in PRESETS]


@pytest.mark.parametrize("name", ALL)
def test_a_preset_is_held_to_the_rules_of_its_users(name):
    preset = PRESETS[name]
    assert not headers.problems(preset.set, preset.default, preset.remove)


@pytest.mark.parametrize("name", ALL)
def test_fields_an_author_may_know_better_are_defaults(name):
    better_known = {
        *("Cache-Control", "Content-Security-Policy", "Referrer-Policy", "Permissions-Policy"),
        *("Cross-Origin-Embedder-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"),
    }
    assert not better_known & PRESETS[name].set.keys()
    assert PRESETS[name].default.keys() <= better_known


@pytest.mark.parametrize(
    ("name", "size"),
    [
        pytest.param("helmet", 12, id="Helmet's twelve"),
        pytest.param("owasp", 12, id="the published thirteen without Clear-Site-Data"),
        pytest.param("none", 0, id="none is none"),
    ],
)
def test_a_preset_is_as_large_as_its_source(name, size):
    assert size == len(PRESETS[name].set) + len(PRESETS[name].default)


@pytest.mark.parametrize("name", ["helmet", "owasp", "api"])
def test_a_browser_is_told_not_to_guess_and_to_come_back_over_tls(name):
    assert {"X-Content-Type-Options", "Strict-Transport-Security"} <= PRESETS[name].set.keys()


def test_no_preset_logs_people_out():
    assert not [name for name, preset in PRESETS.items() if "Clear-Site-Data" in preset.set | preset.default]
