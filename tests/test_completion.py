"""Completion in real shells: what they offer for a line that somebody has begun."""

import os
import shutil
import subprocess

import pytest

from gateway.cli import main, parser
from gateway.commands import verbs
from gateway.completion import SHELLS, script

# The function that the script names is called as bash calls it: with the words, and which of them is begun.
BASH = """\
source "$1"; shift
completer=$(complete -p gateway | sed -E 's/.* -F (\\S+) .*/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
"$completer" gateway "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'source $argv[1]; complete --do-complete "$argv[2..]"'
# zsh completes at a terminal alone. In the one that this opens, whatever is offered is printed as well.
ZSH = """\
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "source $1/setup"
zpty -r shell out '*READY*'
zpty -w -n shell "$2"$'\\t'
zpty -r shell out '*THEEND*'
print -r -- "$out"
"""
ZSH_SETUP = """\
PS1= fpath=(FOLDER $fpath)
autoload -Uz compinit && compinit -u -d FOLDER/dump
compadd() {
  if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    local -a hits
    builtin compadd -A hits "$@"
    print -l -r -- '' $hits
  fi
  builtin compadd "$@"
}
at_the_end() { print THEEND }
bindkey '^I' complete-word
print READY
comppostfuncs=(at_the_end)
"""


def needs(shell):
    """The program of a shell; its tests are skipped where it is not installed."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


@pytest.fixture
def offered(tmp_path):
    """What a shell offers for a line; its last word is the one that is begun."""
    (tmp_path / "here" / "policies").mkdir(parents=True)
    (tmp_path / "here" / "other.yaml").touch()

    def ask(shell, line):
        program, file = needs(shell), tmp_path / "_gateway"
        file.write_text(script(parser(), shell))
        (tmp_path / "setup").write_text(ZSH_SETUP.replace("FOLDER", str(tmp_path)))
        words = {
            "bash": ["--norc", "-c", BASH, "bash", str(file), *line.split(" ")],
            "fish": ["--no-config", "-c", FISH, str(file), line],
            "zsh": ["-f", "-c", ZSH, "zsh", str(tmp_path), line],
        }[shell]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            [program, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path / "here",
            env=environment,
            timeout=30,
        )
        assert "" == done.stderr
        return {word for line in done.stdout.splitlines() for word in line.split()[:1]}, done.stdout

    return ask


LINES = [
    pytest.param("gateway ", {"check", "run", "diff", "completion"}, set(), id="verbs"),
    pytest.param("gateway re", {"reload"}, {"run", "routes"}, id="a verb that is begun"),
    pytest.param("gateway check --", {"--config", "--format"}, {"--junit"}, id="options of the verb"),
    pytest.param(
        "gateway audit --fail-on ", {"error", "warning", "note"}, {"json"}, id="choices of an option"
    ),
    pytest.param("gateway completion ", {"bash", "zsh", "fish"}, {"check"}, id="choices of an argument"),
    pytest.param("gateway check --config o", {"other.yaml"}, {"text"}, id="files for an option"),
    pytest.param("gateway diff ", {"other.yaml"}, {"check"}, id="files for an argument"),
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("line", "expected", "unwanted"), LINES)
def test_a_shell_offers_what_fits(offered, shell, line, expected, unwanted):
    words, output = offered(shell, line)
    assert (expected, set()) == (expected & words, unwanted & words), output


def test_bash_offers_every_verb_and_every_option(offered):
    known = verbs(parser())
    assert {*known} <= offered("bash", "gateway ")[0]
    for name, verb in known.items():
        options = {option for action in verb._actions for option in action.option_strings}
        assert options <= offered("bash", f"gateway {name} -")[0], name


@pytest.mark.parametrize("shell", SHELLS)
def test_the_verb_prints_the_script(capsys, shell):
    assert 0 == main(["completion", shell])
    assert script(parser(), shell) == capsys.readouterr().out
