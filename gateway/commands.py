"""The reference of commands, as Markdown: the same words as `--help`, in a form of its own.

Argparse lays its help out by the width of the terminal, and each version of Python otherwise.
"""

import argparse
from collections.abc import Iterator, Sequence
from textwrap import dedent
from typing import Final

_INTRODUCTION: Final = """\
# Commands

<!-- Made by `gateway schema --write`; the words stand in gateway/cli.py and gateway/epilogs.py. -->

One command, `gateway`, with a verb. `gateway VERB --help` says the same as this page.

Where a verb takes `--config`, the configuration is that file, else `$GATEWAY_CONFIG`, else
`config/gateway.yaml`; paths in it are relative to it. Answers go to standard output, mistakes to standard
error. Colours are for terminals, without `NO_COLOR` in the environment; who waits at a terminal is told how
far a slow verb is. Exit status 0 is fine, 1 is a finding, 2 is wrong usage or, where a finding is an answer,
a question that could not be put; 130 is Ctrl-C.
"""


def verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser of each verb, in their order."""
    known: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            known |= action.choices
    return known


def commands(parser: argparse.ArgumentParser) -> str:
    """The page: a section for each verb."""
    sections = [_section(verb) for verb in verbs(parser).values()]
    return "\n".join([_INTRODUCTION, *sections])


def _section(verb: argparse.ArgumentParser) -> str:
    actions = [action for action in verb._actions if action.dest != "help"]
    parts = [f"## {verb.prog}", verb.description or "", _block(_usage(verb.prog, actions))]
    if actions:
        rows = [f"| `{_cell(_name(action))}` | {_cell(action.help or '')} |" for action in actions]
        parts.append("\n".join(["| | |", "| --- | --- |", *rows]))
    parts += [*_epilog(verb.epilog or "")]
    return "\n\n".join(parts) + "\n"


def _epilog(text: str) -> Iterator[str]:
    """Its paragraphs; what is indented beneath a line is shown as it stands."""
    for paragraph in text.strip("\n").split("\n\n"):
        head, _, rest = paragraph.partition("\n")
        if rest.startswith("  "):
            yield from (head.capitalize(), _block(dedent(rest)))
        else:
            yield paragraph


def _block(text: str) -> str:
    return f"```text\n{text}\n```"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _usage(prog: str, actions: Sequence[argparse.Action]) -> str:
    """One line, folded as text is."""
    words = [prog]
    for action in sorted(actions, key=lambda action: not action.option_strings):
        word = _short(action)
        words.append(f"[{word}]" if not action.required or action.nargs in ("?", "*") else word)
    lines = [words[0]]
    for word in words[1:]:
        fits = len(lines[-1]) + len(word) < 100
        lines = [*lines[:-1], f"{lines[-1]} {word}"] if fits else [*lines, f"    {word}"]
    return "\n".join(lines)


def _short(action: argparse.Action) -> str:
    return f"{action.option_strings[0]} {_value(action)}".strip() if action.option_strings else _value(action)


def _name(action: argparse.Action) -> str:
    return f"{', '.join(action.option_strings)} {_value(action)}".strip()


def _value(action: argparse.Action) -> str:
    """What stands for the value of an option or an argument; nothing for an option without one."""
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar is not None:
        return f"{action.metavar} ..." if action.nargs == "*" else action.metavar
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    return action.dest.upper()
