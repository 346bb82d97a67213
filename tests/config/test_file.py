import pytest

from gateway.config.file import read_file
from gateway.config.schema.cases import CasesSpec


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "cases.yaml"
        path.write_text(text)
        return read_file(path, CasesSpec, {"NAME": "a name"})

    return read


def told(file):
    return [str(problem).rpartition("cases.yaml:")[2] for problem in file.problems]


def test_a_sound_file_has_a_spec_and_no_problems(read):
    file = read("cases: []\n")
    assert ((), ()) == (file.spec.cases, file.problems)


def test_digest_tells_what_the_environment_put_in(read):
    assert read("cases: []\n").digest != read("cases: []\nprincipals: {a: {subject: x}}\n").digest


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param("a: [\n", ["2:1: expected YAML, but did not find expected node content"], id="no YAML"),
        pytest.param("casse: []\n", ['1:1: expected the key "cases"'], id="a key that is missing"),
        pytest.param(
            "cases: []\nnow: yes\n",
            ["2:6: now: expected a value that every YAML version reads alike, got yes: quote it"],
            id="what cannot be read is not also of the wrong type",
        ),
    ],
)
def test_what_is_wrong_stands_in_the_file(read, text, problems):
    file = read(text)
    assert file.spec is None
    assert set(problems) <= set(told(file))


def test_a_file_that_is_not_there_is_a_problem_of_its_own(tmp_path):
    file = read_file(tmp_path / "none.yaml", CasesSpec, {})
    (problem,) = file.problems
    assert "expected a file that can be read: No such file or directory" == problem.message
