"""Reads bounded UTF-8 text files, parses `.env` files (`NAME=value`, nothing expanded) and finds misnamed files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault

_ASSIGNMENT = re.compile(r"(export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(#.*)?')
_SINGLE_QUOTED = re.compile(r"'([^']*)'\s*(#.*)?")
_COMMENT = re.compile(r"(^|\s)#.*")
_CONFIGURATION_NAME = re.compile(r"semantest(\.[a-z0-9-]+)?\.ya?ml", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED_CHARACTERS = {"n": "\n", "r": "\r", "t": "\t"}
DOTENV_FILE = ".env"
MAX_TEXT_FILE_BYTES = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class DotenvFile:
    """The variables of a file, the line of each, and a fault for each line that is no variable."""

    variables: dict[str, str] = field(default_factory=dict, repr=False)
    lines: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_dotenv_variables(folder: Path) -> dict[str, str]:
    """Return the variables of the folder's .env file; lines that are no variables are left out."""
    text = read_text_file(folder / DOTENV_FILE, must_exist=False)
    return parse_dotenv(text, DOTENV_FILE).variables if isinstance(text, str) else {}


def parse_dotenv(text: str, source: str) -> DotenvFile:
    """Parse every variable, the last of a name winning; faults never show the line, which may hold a secret."""
    dotenv = DotenvFile()
    for number, line in _content_lines(text):
        match = _ASSIGNMENT.fullmatch(line)
        value = _parse_dotenv_value(match["value"]) if match else None
        if match is None or value is None:
            hint = "Write NAME=value; close quotes on the same line."
            dotenv.faults.append(Fault("", "not a variable", hint, source, number, 1))
        else:
            dotenv.variables[match["name"]] = value
            dotenv.lines[match["name"]] = number
    return dotenv


def _content_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if (stripped := line.strip()) and not stripped.startswith("#"):
            yield number, stripped


def _parse_dotenv_value(text: str) -> str | None:
    if text.startswith('"'):
        match = _DOUBLE_QUOTED.fullmatch(text)
        return match and _ESCAPE.sub(lambda found: _ESCAPED_CHARACTERS.get(found[1], found[1]), match[1])
    if text.startswith("'"):
        match = _SINGLE_QUOTED.fullmatch(text)
        return match and match[1]
    return _COMMENT.sub("", text).strip()


def read_text_file(path: Path, *, must_exist: bool) -> str | Fault | None:
    """Return the text, None for an absent file that need not exist, or a fault for anything else."""
    try:
        if not path.is_file():
            return _missing_file_fault(path) if must_exist or path.exists() or path.is_symlink() else None
        with path.open("rb") as file:
            content = file.read(MAX_TEXT_FILE_BYTES + 1)  # a file may grow after its size was checked
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        return Fault("", f"cannot be read: {reason}", file=make_printable(str(path), 200))
    return _decode_utf8(content, path)


def _missing_file_fault(path: Path) -> Fault:
    if path.is_symlink() and not path.exists():
        message = "a broken symbolic link"
    else:
        message = "not a file" if path.exists() else "no such file"
    return Fault("", message, "Check the path.", file=make_printable(str(path), 200))


def _decode_utf8(content: bytes, path: Path) -> str | Fault:
    if len(content) > MAX_TEXT_FILE_BYTES:
        return Fault("", f"larger than {MAX_TEXT_FILE_BYTES // 1024} KiB", file=str(path))
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Fault("", "not UTF-8", file=str(path), line=line)


def find_unread_configurations(folder: Path, expected: str) -> Iterator[Fault]:
    """Yield a fault for each file that its author would take for the configuration, and that is not read.

    These are files whose name differs in its ending or case, and without one in this folder, that of a folder above it,
    as far as the repository goes.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return
    for name in names:
        right = name.lower().removesuffix(".yml").removesuffix(".yaml") + ".yaml"
        is_read = name == right or _is_same_file(folder / name, folder / right)
        if _CONFIGURATION_NAME.fullmatch(name) and not is_read:
            hint = f"Rename it to {right}, or name it with --config."
            yield Fault("", f"is not read: its name would have to be {right}", hint, file=make_printable(name, 200))
    if expected not in names and (found := _find_above(folder.absolute(), expected)):
        relative = os.path.relpath(found, folder.absolute())
        hint = f"Run the command in '{found.parent}', or add --config {relative}; an empty {expected} here replaces it."
        yield Fault("", "is not read: only this folder is looked at", hint, file=make_printable(relative, 200))


def _is_same_file(one: Path, other: Path) -> bool:
    """Whether both names are one file, as on file systems that do not distinguish case."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _find_above(folder: Path, name: str) -> Path | None:
    """Return the nearest file of that name in a folder above, up to that of the repository or below the user's own."""
    home = Path.home()
    for place in (folder, *folder.parents):
        if place in (home, Path(place.anchor)):
            return None
        if place != folder and (place / name).is_file():
            return place / name
        if (place / ".git").exists():
            return None
    return None
