"""The verb: what it prints in each form, and its exit status."""

import json

import pytest

from gateway.cli import main

ROLE = ('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["*"]}')
LISTENER = ('{address: "127.0.0.1:8080"}', '{address: "0.0.0.0:8080"}')


@pytest.fixture
def run(specs, tmp_path, capsys):
    """Run the verb on the configuration with words changed; gives its status and what it printed."""

    def audit(*arguments, changes=()):
        specs(*changes)
        status = main(["audit", "--config", str(tmp_path / "gateway.yaml"), *arguments])
        return status, *capsys.readouterr()

    return audit


@pytest.mark.parametrize(
    ("arguments", "changes", "status"),
    [
        pytest.param([], [], 0, id="nothing stands"),
        pytest.param(["--fail-on", "note"], [], 0, id="nothing at all"),
        pytest.param([], [ROLE], 0, id="a warning"),
        pytest.param(["--fail-on", "warning"], [ROLE], 1, id="a warning that counts"),
        pytest.param([], [LISTENER], 1, id="an error"),
    ],
)
def test_the_status_is_that_of_the_worst(run, arguments, changes, status):
    assert status == run(*arguments, changes=changes)[0]


@pytest.mark.parametrize(
    ("form", "read"),
    [
        pytest.param("text", lambda out: out.splitlines()[-1].startswith("0 errors, 1 warning"), id="text"),
        pytest.param("markdown", lambda out: out.startswith("# Security checklist\n"), id="markdown"),
        pytest.param("json", lambda out: json.loads(out)["counts"]["warning"] == 1, id="json"),
        pytest.param("sarif", lambda out: len(json.loads(out)["runs"][0]["results"]) == 1, id="sarif"),
    ],
)
def test_each_form_is_printed(run, form, read):
    status, out, err = run("--format", form, changes=[ROLE])
    assert (0, "", True) == (status, err, read(out))


def test_waivers_beside_the_policies_are_read(run, tmp_path):
    (tmp_path / "policies" / "audit").mkdir(parents=True)
    waiver = "{rule: AZ401, place: listeners, reason: It is a laptop., expires: '%s'}"
    file = tmp_path / "policies" / "audit" / "waivers.yaml"
    file.write_text(f"waivers: [{waiver % '9999-12-31T00:00:00Z'}]")
    assert 0 == run(changes=[LISTENER])[0]
    file.write_text(f"waivers: [{waiver % '2026-01-01T00:00:00Z'}]")
    status, out, _ = run(changes=[LISTENER])
    assert (1, True) == (status, "AZ701 error: A waiver that has expired" in out)


def test_other_waivers_take_their_place(run, tmp_path):
    (tmp_path / "none.yaml").write_text("waivers: []")
    assert 1 == run("--waivers", str(tmp_path / "none.yaml"), changes=[LISTENER])[0]


@pytest.mark.parametrize(
    ("arguments", "changes", "said"),
    [
        pytest.param(
            [], [("upstream: pay", "upstream: payy")], "expected the name of an upstream", id="files"
        ),
        pytest.param(["--waivers", "/no.yaml"], [], "expected a file that can be read", id="waivers"),
    ],
)
def test_what_cannot_be_audited_is_exit_2(tmp_path, capsys, specs, arguments, changes, said):
    specs()
    for old, new in changes:
        file = tmp_path / "policies" / "shop.yaml"
        file.write_text(file.read_text().replace(old, new))
    assert 2 == main(["audit", "--config", str(tmp_path / "gateway.yaml"), *arguments])
    out, err = capsys.readouterr()
    assert ("", True) == (out, said in err)
