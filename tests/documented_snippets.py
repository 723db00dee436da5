"""The blocks of code and the commands of the documents, and what is wrong with each: nothing of them is run."""

from __future__ import annotations

import ast
import json
import re
import shlex
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from semantest_iac.infrastructure.configuration.layers import drop_nulls
from semantest_iac.infrastructure.configuration.schema import find_unknown_empty_keys, validate_values
from semantest_iac.infrastructure.configuration.yaml_text import parse_yaml_document
from semantest_iac.presentation.cli.parsing.command_groups import ALIASES
from semantest_iac.presentation.cli.program import COMMANDS, PROGRAM_NAME, load_command
from tests.campaigns.__main__ import CAMPAIGNS

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "decisions"),
    ROOT / "events" / "README.md",
)
"""Decisions and the changelog are left out: they speak of the time at which they were written."""

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_ASSIGNMENT = re.compile(r"[A-Z_][A-Z0-9_]*=.*", re.DOTALL)
_OPERATORS = frozenset(";&|<>()")
_UNKNOWN = ("…", "|", "[", "*", "{")
"""What stands for something else in a command within a text, so that it cannot be checked."""
_REPOSITORY_FOLDERS = ("benchmarks/", "docs/", "events/", "requirements/", "semantest_iac/", "tests/", "tools/")
_SHELLS = ("", "sh", "bash", "console")


@dataclass(frozen=True)
class Snippet:
    """A block of code, or a command within a text, and where it is."""

    place: str
    language: str
    text: str


def read_blocks(document: Path) -> Iterator[Snippet]:
    """The fenced blocks of a document."""
    page = document.read_text(encoding="utf-8")
    for block in _FENCE.finditer(page):
        line = page.count("\n", 0, block.start()) + 1
        yield Snippet(f"{document.relative_to(ROOT)}:{line}", block[2], textwrap.dedent(block[3]))


def read_inline(document: Path) -> Iterator[Snippet]:
    """What stands in backticks within the texts of a document."""
    page = document.read_text(encoding="utf-8")
    text = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), page)
    for found in _INLINE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Snippet(f"{document.relative_to(ROOT)}:{line}", "inline", found[1])


def find_block_faults(block: Snippet) -> Iterator[str]:
    """What is wrong with a block of code."""
    if block.language in _SHELLS:
        for words in split_commands(block.text):
            yield from find_command_faults(words)
        return
    check = _CHECKS.get(block.language)
    try:
        yield from check(block.text) if check else ()
    except (SyntaxError, ValueError) as error:
        yield str(error)


def find_inline_faults(snippet: Snippet) -> Iterator[str]:
    """What is wrong with a command or a path within a text."""
    text = snippet.text
    if any(mark in text for mark in _UNKNOWN):
        return
    first = text.split()[0] if text.split() else ""
    if text.startswith(_REPOSITORY_FOLDERS) and " " not in text and "<" not in text:
        if not (ROOT / text).exists():
            yield "there is no such file"
    elif first in COMMANDS and " --" in text:
        yield from find_option_faults(shlex.split(text))
    else:
        for words in split_commands(text):
            yield from find_command_faults(words, is_whole=False)


def split_commands(text: str) -> Iterator[list[str]]:
    """The words of each simple command in lines of shell; what is no shell has commands that nobody knows."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=";&|<>()")
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # an apostrophe in the output of a command
            continue
        command: list[str] = []
        for word in words:
            if word and set(word) <= _OPERATORS:
                yield command
                command = []
            else:
                command.append(word)
        yield command


def find_command_faults(words: Sequence[str], *, is_whole: bool = True) -> Iterator[str]:
    """What is wrong with a command of this project: the program, a target of make, or a file of the repository."""
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if not words:
        return
    if words[0].rpartition("/")[2] == PROGRAM_NAME:
        yield from find_option_faults(words[1:], is_whole=is_whole)
    elif re.fullmatch(r"(.*/)?python3?", words[0]) and words[1:3] == ["-m", "semantest_iac"]:
        yield from find_option_faults(words[3:], is_whole=is_whole)
    elif re.fullmatch(r"(.*/)?python3?", words[0]) and words[1:] and words[1].startswith(_REPOSITORY_FOLDERS):
        if not (ROOT / words[1]).is_file():
            yield f"there is no {words[1]}"
    elif words[0] == "make" and len(words) > 1:
        yield from _find_target_faults([word for word in words[1:] if "=" not in word and not word.startswith("-")])


def _find_target_faults(targets: Sequence[str]) -> Iterator[str]:
    known = read_targets()
    if targets[:1] == ["campaign"]:
        yield from (f"there is no campaign {name}" for name in targets[1:] if name not in CAMPAIGNS and name != "NAME")
        return
    yield from (f"make has no target {name}" for name in targets if name not in known)


@cache
def read_targets() -> frozenset[str]:
    """The targets of the Makefile that have a name of their own."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE))


def find_option_faults(words: Sequence[str], *, is_whole: bool = False) -> Iterator[str]:
    """What click finds wrong with the words after the name of the program, without running the command."""
    if not words or words[0].startswith("-") or any(_is_usage(word) for word in words):
        return
    name = ALIASES.get(words[0], words[0])
    if name not in COMMANDS:
        yield f"there is no command {name}"
        return
    try:
        command, context, rest = _find_command(load_command(name), list(words[1:]))
        values, left, _ = command.make_parser(context).parse_args(rest)
        if left and not isinstance(command, click.Group):
            yield f"unexpected: {' '.join(left)}"
        yield from _find_value_faults(command, context, values, is_whole=is_whole)
    except click.BadOptionUsage as error:
        if is_whole:
            yield error.format_message()
    except click.UsageError as error:
        yield error.format_message()


def _find_command(command: click.Command, words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The command that the words lead to from a group, as the group itself finds it, with the words after its name."""
    context = click.Context(command, info_name=command.name, help_option_names=["-h", "--help"])
    if not isinstance(command, click.Group):
        return command, context, words
    if words == ["--help"]:
        return command, context, []
    command.parse_args(context, words)
    left = [*context._protected_args, *context.args]
    _, inner, rest = command.resolve_command(context, left)
    assert inner is not None
    return _find_command(inner, rest)


def _is_usage(word: str) -> bool:
    """Whether it stands for something, as in the line of usage that `--help` prints."""
    return word in ("...", "…", "COMMAND") or re.fullmatch(r"\[[A-Z|]+\](\.\.\.)?|[A-Z]+\.\.\.", word) is not None


def _find_value_faults(
    command: click.Command, context: click.Context, values: Mapping[str, object], *, is_whole: bool
) -> Iterator[str]:
    for parameter in command.params:
        value = values.get(str(parameter.name))
        if isinstance(parameter.type, click.Choice) and isinstance(value, str | tuple | list):
            parameter.type_cast_value(context, value)
        if is_whole and parameter.required and value in (None, ()):
            yield f"{parameter.human_readable_name} is missing"


def _find_yaml_faults(text: str) -> Iterator[str]:
    layer = parse_yaml_document(text, "the block")
    given = drop_nulls(layer.values)
    faults = [*layer.faults, *validate_values(given).faults, *find_unknown_empty_keys(layer.values)]
    yield from (f"{fault.path}: {fault.message}" for fault in faults)


def _find_python_faults(text: str) -> Iterator[str]:
    for node in ast.walk(compile(text, "the block", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)):
        if isinstance(node, ast.Import):
            yield from (f"there is no module {alias.name}" for alias in node.names if not _is_module(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            if not _is_module(node.module):
                yield f"there is no module {node.module}"
            elif node.module.startswith("semantest_"):
                yield from _find_missing_names(node.module, [alias.name for alias in node.names])


def _is_module(name: str) -> bool:
    top = name.partition(".")[0]
    if top in _packaged_modules() or _project_name(top) in _example_packages():
        return True
    try:
        return find_spec(name if name.startswith("semantest_iac") else top) is not None
    except ModuleNotFoundError:
        return False


def _find_missing_names(module: str, names: Sequence[str]) -> Iterator[str]:
    if module in _packaged_modules():  # it is shipped, and not to be imported here
        source = _packaged_modules()[module].read_text(encoding="utf-8")
        known = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    else:
        known = set(dir(import_module(module)))
    yield from (f"{module} has no {name}" for name in names if name not in known)


@cache
def _packaged_modules() -> Mapping[str, Path]:
    return {path.stem: path for path in (ROOT / "semantest_iac" / "payloads").rglob("semantest_*.py")}


@cache
def _example_packages() -> frozenset[str]:
    lock = (ROOT / "requirements" / "examples.txt").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))


def _project_name(module: str) -> str:
    return module.replace("_", "-").lower()


def _find_json_faults(text: str) -> Iterator[str]:
    json.loads(text)
    yield from ()


def _find_toml_faults(text: str) -> Iterator[str]:
    tomllib.loads(text)
    yield from ()


_CHECKS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "json": _find_json_faults,
    "python": _find_python_faults,
    "toml": _find_toml_faults,
    "yaml": _find_yaml_faults,
}
