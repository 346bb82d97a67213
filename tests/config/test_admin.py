"""The admin listener's address, read without the rest of a configuration."""

import pytest

from gateway.config.admin import admin_address
from gateway.config.load import load_snapshot
from gateway.config.snapshot import Address

UPSTREAMS = "version: 1\nupstreams: {a: {endpoints: ['http://127.0.0.1:1']}}\n"


@pytest.fixture
def read(tmp_path):
    """What is read of a text, in an environment."""

    def address(text, environ=None):
        (tmp_path / "policies").mkdir(exist_ok=True)
        (tmp_path / "gateway.yaml").write_text(text)
        return admin_address(tmp_path / "gateway.yaml", environ or {})

    return address


SOUND = [
    pytest.param("", id="by default"),
    pytest.param('admin: {address: "127.0.0.1:7"}', id="an address"),
    pytest.param('admin: {address: "[::1]:7"}', id="of IPv6"),
    pytest.param("admin: {address: 'unix:/run/admin.sock'}", id="a Unix socket"),
    pytest.param("admin: {cors: {allow_origins: []}}", id="nothing of it"),
    pytest.param('admin: {address: "${env:ADMIN:-127.0.0.1:8}"}', id="from outside"),
]


@pytest.mark.parametrize("text", SOUND)
def test_it_is_the_one_of_the_whole_configuration(read, tmp_path, text):
    found = read(f"{UPSTREAMS}policies: [policies]\n{text}")
    assert load_snapshot(tmp_path / "gateway.yaml", {}).admin.address == found


def test_what_somebody_is_writing_elsewhere_does_not_matter(read):
    assert Address("127.0.0.1", 9901) == read("version: 7\nupstreams: {a: {endpoint: x}}\n")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("admin: {address: nowhere}", id="no address"),
        pytest.param("admin: {address: 7}", id="a number"),
        pytest.param("admin: [here]", id="a list"),
        pytest.param("admin: ", id="nothing"),
        pytest.param("- admin", id="no mapping"),
        pytest.param("admin: {address: '${env:ADMIN}'}", id="a variable that is not set"),
        pytest.param("admin: {", id="no YAML"),
        pytest.param("", id="an empty file"),
    ],
)
def test_who_cannot_tell_says_nothing(read, text):
    assert None is read(text)


def test_a_file_that_is_not_there_says_nothing(tmp_path):
    assert None is admin_address(tmp_path / "none.yaml", {})
