"""The commands of `build`: how a written command becomes words without a shell, and the rule that checks them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, refuse
from semantest_iac.domain.security.secret_patterns import looks_secret

LONGEST_BUILD_COMMAND = 4096
COMMAND_SEPARATOR = "&&"
ASSIGNMENT_PROBLEM = "no shell runs it, so no variable can be set before the command"
_SHELLS = frozenset({"sh", "bash", "dash", "zsh"})
_OPERATOR_SIGNS = frozenset("();<>|&")
_SHELL_VARIABLE = re.compile(r"\$[A-Za-z_({]|`")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SHELL_WORDS = frozenset({"cd", "export", "source", ".", "set", "unset", "alias", "eval", "exit", "pushd", "popd"})
_SCRIPT_HINT = "Put it into a script of package.json or a file, and write `npm run build` or the file's command here."
_ENVIRONMENT_HINT = "Name variables under package.pass_environment; the command receives them."


class BuildCommands(NamedTuple):
    """The commands of one written text, each as a program with its arguments, or what is wrong with the text."""

    commands: tuple[tuple[str, ...], ...] = ()
    problem: str = ""
    hint: str = ""


def split_build_commands(text: str) -> BuildCommands:
    """Split a text into words as a POSIX shell quotes them, and at `&&` into commands; nothing else has a meaning.

    What only a shell could do is a problem, and not passed on as plain text.
    """
    if not text.strip():
        return BuildCommands(problem="is empty", hint="Such as npm run build; leave it out for no build.")
    if len(text) > LONGEST_BUILD_COMMAND or not text.strip().isprintable():
        return BuildCommands(problem="is no single line of printable text", hint="Write several commands as a list.")
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        commands = _split_at_separators(lexer)
    except ValueError:
        return BuildCommands(problem="has a quotation mark without its partner")
    problems = (found for command in commands if (found := _find_command_problem(command)))
    return next(problems, BuildCommands(tuple(map(tuple, commands))))


def _split_at_separators(words: Iterable[str]) -> list[list[str]]:
    commands: list[list[str]] = [[]]
    for word in words:
        if word == COMMAND_SEPARATOR:
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def _find_command_problem(command: Sequence[str]) -> BuildCommands | None:
    if not command:
        return BuildCommands(problem=f"has no command on one side of {COMMAND_SEPARATOR}")
    if operator := next(filter(_OPERATOR_SIGNS.issuperset, filter(None, command)), ""):
        return BuildCommands(problem=f"no shell runs it, so '{operator}' has no meaning", hint=_SCRIPT_HINT)
    if _ASSIGNMENT.match(command[0]):
        return BuildCommands(problem=ASSIGNMENT_PROBLEM, hint=_ENVIRONMENT_HINT)
    if command[0] in _SHELL_WORDS:
        hint = f"`npm --prefix <folder> run build` works in another folder. {_SCRIPT_HINT}"
        return BuildCommands(problem=f"no shell runs it, and '{command[0]}' is no program", hint=hint)
    if command[0] not in _SHELLS and any(_SHELL_VARIABLE.search(word) for word in command):
        return BuildCommands(problem="no shell runs it, so nothing replaces '$' or '`'", hint=_SCRIPT_HINT)
    if any(looks_secret("", word) for word in command):
        return BuildCommands(problem="holds a word that looks like a secret", hint=_ENVIRONMENT_HINT)
    return None


def check_build(subject: RuleSubject) -> Iterator[Finding]:
    """A build has a source folder to work on, and commands that need no shell."""
    section = subject.section
    if section.build and (section.source is None or section.source.endswith(".zip")):
        reason = "a zip is deployed as it is" if section.source else "there is no source"
        yield refuse("build", f"has no effect, because {reason}", "Name a folder as source, or leave build out.")
    for index, text in enumerate(section.build):
        found = split_build_commands(text)
        if found.problem:
            yield refuse("build" if len(section.build) == 1 else f"build[{index}]", found.problem, found.hint)
