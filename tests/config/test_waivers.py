"""Files of waivers: where they are found, and what is wrong with one."""

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.problem import ConfigError
from gateway.config.waivers import find_waivers, read_waivers

CONFIG = Path(__file__).parents[2] / "config" / "gateway.yaml"
SOUND = "rule: AZ101, route: robots, reason: It is meant to be so., expires: '2027-01-01T00:00:00Z'"


@pytest.fixture(scope="module")
def specs():
    return load(CONFIG, {})


@pytest.fixture
def read(tmp_path, specs):
    """The waivers of a text about the repository's own policies."""

    def waivers(text):
        (tmp_path / "waivers.yaml").write_text(text)
        return read_waivers([tmp_path / "waivers.yaml"], {}, specs, ["AZ101", "AZ102"])

    return waivers


@pytest.fixture
def problems(read, tmp_path):
    def told(text):
        with pytest.raises(ConfigError) as raised:
            read(text)
        lines = str(raised.value).replace(f"{tmp_path}/", "").splitlines()
        return [line.removeprefix("waivers.yaml:") for line in lines]

    return told


def test_a_waiver_knows_its_place(read, tmp_path):
    one, other = read(f"waivers:\n  - {{{SOUND}}}\n  - {{{SOUND.replace('AZ101', 'AZ102')}}}\n")
    assert (f"{tmp_path}/waivers.yaml:3", "waivers[1]") == (other.source, other.place)
    assert ("AZ101", "robots", 1798761600.0) == (one.spec.rule, one.spec.route, one.spec.expires)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            SOUND.replace("AZ101", "AZ999"),
            ['1:18: waivers[0].rule: expected the id of a rule, got "AZ999"'],
            id="a rule that there is not",
        ),
        pytest.param(
            SOUND.replace("robots", "robot"),
            ['1:32: waivers[0].route: expected the name of a route, got "robot" (did you mean "robots"?)'],
            id="a route that there is not",
        ),
        pytest.param(
            SOUND + ", place: admin",
            ["1:11: waivers[0]: expected one of route and place"],
            id="a route and a place",
        ),
        pytest.param(
            SOUND.replace("route: robots, ", ""),
            ["1:11: waivers[0]: expected one of route and place"],
            id="neither",
        ),
        pytest.param(
            SOUND.replace("'2027-01-01T00:00:00Z'", "never"),
            ['1:78: waivers[0].expires: expected a moment such as "2027-01-31T00:00:00Z", got "never"'],
            id="without an end",
        ),
        pytest.param(
            SOUND.replace("reason: It is meant to be so., ", ""),
            ['1:11: waivers[0]: expected the key "reason"'],
            id="without a reason",
        ),
        pytest.param(
            SOUND.replace("It is meant to be so.", "known issue"),
            ["1:48: waivers[0].reason: expected a sentence that says why"],
            id="words that are no reason",
        ),
        pytest.param(
            SOUND + ", untli: 1",
            ['1:102: waivers[0].untli: expected a known key, got "untli"'],
            id="a key that there is not",
        ),
    ],
)
def test_a_mistake_has_its_place(problems, text, expected):
    found = problems(f"waivers: [{{{text}}}]")
    assert [line.partition(": ")[2] for line in expected] == [line.partition(": ")[2] for line in found]
    assert all(line.startswith("1:") for line in found)


def test_they_stand_where_no_policies_are_read(specs):
    """Directly in a folder of policies they would be taken for some."""
    assert [CONFIG.parent / "../policies/audit/waivers.yaml"] == find_waivers(CONFIG, specs)


def test_a_file_that_is_not_there_is_a_problem(specs):
    with pytest.raises(ConfigError, match="expected a file that can be read"):
        read_waivers([Path("/nowhere.yaml")], {}, specs, [])
