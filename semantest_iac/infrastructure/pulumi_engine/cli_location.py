"""Finds the Pulumi CLI on this machine and judges its version."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path

from semantest_iac.domain.errors import RefusedError

OLDEST = (3, 250, 0)
BUILT = "pulumi-3.250.0"
VARIABLE = "SEMANTEST_PULUMI"
_LONGEST_ANSWER_S = 20
_NOWHERE = os.devnull  # nothing can be made under it
_NUMBERS = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Cli:
    """A CLI that works, and its version without the leading v."""

    path: Path
    version: str


def locate(variables: Mapping[str, str]) -> Cli:
    """The CLI named by SEMANTEST_PULUMI, else that on the PATH, else the one built here.

    A file in the cache keeps the version of a program that has not changed since it was asked. Raises RefusedError
    with what to do.
    """
    path = next(_candidates(variables), None)
    if path is None:
        hint = f"Run make pulumi, or put pulumi {_text(OLDEST)} or newer on the PATH or in {VARIABLE}."
        raise RefusedError("Cannot find the Pulumi CLI: it is not on this machine.", "ENGINE_UNAVAILABLE", hint=hint)
    return _judged(Cli(path, _remembered(path, _cache(variables) / "pulumi-version.json")))


def _candidates(variables: Mapping[str, str]) -> Iterator[Path]:
    if named := variables.get(VARIABLE):
        yield Path(named).absolute()
        return
    if found := shutil.which("pulumi", path=variables.get("PATH", "")):
        yield Path(found).absolute()
    built = _cache(variables) / BUILT / "pulumi"
    if os.access(built, os.X_OK):
        yield built


def _cache(variables: Mapping[str, str]) -> Path:
    given = variables.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path(variables.get("HOME", _NOWHERE), ".cache")) / "semantest-iac"


def _remembered(path: Path, memory: Path) -> str:
    try:
        state = path.stat()
    except OSError as error:
        raise _useless(path, "it is not there") from error
    seen = [str(path), state.st_mtime_ns, state.st_size]
    try:
        *known, version = json.loads(memory.read_text(encoding="utf-8"))
        if known == seen:
            return str(version)
    except (OSError, ValueError):
        pass
    version = _asked(path)
    _remember(memory, [*seen, version])
    return version


def _remember(memory: Path, facts: list[object]) -> None:
    """Where nothing can be written the program is asked each time."""
    draft = memory.with_name(f".{memory.name}.{os.getpid()}")
    with suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.write_text(json.dumps(facts), encoding="utf-8")
        draft.replace(memory)


def _asked(path: Path) -> str:
    environment = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PATH": os.defpath, "HOME": _NOWHERE}
    try:
        asked = subprocess.run(  # noqa: S603  # no shell
            [path, "version"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True,
            timeout=_LONGEST_ANSWER_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise _useless(path, "it does not answer 'version'") from error
    return asked.stdout.decode(errors="replace").strip().removeprefix("v")


def _judged(cli: Cli) -> Cli:
    found, sdk = _numbers(cli.version), _numbers(version_of("pulumi"))
    if found is None or sdk is None:
        raise _useless(cli.path, f"'{cli.version[:40]}' is not a version")
    if found < OLDEST:
        raise _useless(cli.path, f"version {cli.version} is older than {_text(OLDEST)}")
    if found[0] != sdk[0]:
        raise _useless(cli.path, f"version {cli.version} does not fit the Pulumi SDK {_text(sdk)}")
    return cli


def _numbers(version: str) -> tuple[int, ...] | None:
    match = _NUMBERS.match(version)
    return tuple(map(int, match.groups())) if match else None


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _useless(path: Path, cause: str) -> RefusedError:
    hint = f"Run make pulumi, or set {VARIABLE} to pulumi {_text(OLDEST)} or newer of the same major version."
    return RefusedError(f"Cannot use the Pulumi CLI '{path}': {cause}.", "ENGINE_UNAVAILABLE", hint=hint)
