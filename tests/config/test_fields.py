import pytest

from gateway.config.fields import problems
from gateway.config.interpolation import Resolved
from gateway.config.tree import Tree

SECRET = Resolved("s3cret\r\n")
SECRET.origin = "${env:SECRET}"


def told(data):
    return [f"{problem.path}: {problem.message}" for problem in problems([Tree("f.yaml", data)])]


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda policy: {"headers": {"strict": policy}}, id="under a name"),
        pytest.param(lambda policy: {"defaults": {"headers": policy}}, id="in the defaults"),
        pytest.param(lambda policy: {"routes": [{"headers": policy}]}, id="in a route"),
    ],
)
def test_a_policy_is_checked_wherever_it_stands(place):
    assert 1 == len(told(place({"set": {"X-Frame-Options": "maybe"}})))


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        pytest.param({"set": {"X Y": "a"}}, "set.X Y", id="a name that cannot be sent"),
        pytest.param({"default": {"Via": "a"}}, "default.Via", id="a field that the gateway manages"),
        pytest.param({"remove": ["Server", "Date"]}, "remove[1]", id="a removal of such a field"),
        pytest.param({"set": {"A": "1"}, "default": {"a": "1"}}, "default.a", id="a field twice"),
    ],
)
def test_a_fault_has_the_path_of_the_word_that_is_wrong(policy, path):
    assert [f"headers.h.{path}"] == [line.split(": ")[0] for line in told({"headers": {"h": policy}})]


def test_a_secret_is_not_told():
    lines = told({"headers": {"h": {"set": {"X-Token": SECRET}}}})
    assert 1 == len(lines)
    assert lines[0].endswith("got what ${env:SECRET} holds")


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(
            {"preset": "api", "set": {"X-Frame-Options": "DENY"}, "remove": ["X-Acme-*"]}, id="sound"
        ),
        pytest.param({"set": {"A": 1}}, id="of the wrong type, which the schema tells"),
        pytest.param({"remove": "Server"}, id="a text for a list, too"),
    ],
)
def test_nothing_is_told_of_a_policy_that_is(policy):
    assert not told({"headers": {"h": policy}})
