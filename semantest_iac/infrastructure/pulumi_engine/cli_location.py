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
from zlib import crc32

from semantest_iac.domain.errors import RefusedError

OLDEST = (3, 250, 0)
KEPT = "3.250.0"
BUILT = f"pulumi-{KEPT}"
VARIABLE = "SEMANTEST_PULUMI"
SETUP = "python -m semantest_iac setup"
_LONGEST_ANSWER_S = 20
_NOWHERE = os.devnull  # nothing can be made under it
_NUMBERS = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Cli:
    """A CLI that works, and its version without the leading v."""

    path: Path
    version: str


def locate(variables: Mapping[str, str]) -> Cli:
    """The CLI named by SEMANTEST_PULUMI, else the first that fits: on the PATH, built here, installed here.

    A file in the cache keeps the version of a program that has not changed since it was asked. Raises RefusedError
    with what to do.
    """
    refusal: RefusedError | None = None
    for path in _candidates(variables):
        try:
            return _judged(Cli(path, _remembered(path, cache_folder(variables))))
        except RefusedError as error:
            refusal = refusal or error
    raise refusal or RefusedError(
        "Cannot find the Pulumi CLI: it is not on this machine.",
        "ENGINE_UNAVAILABLE",
        hint=f"Run {SETUP}, or put pulumi {_text(OLDEST)} or newer on the PATH or in {VARIABLE}.",
    )


def kept_folder(variables: Mapping[str, str]) -> Path:
    """Where a CLI is kept that was got for this tool alone: built as `pulumi`, installed as `bin/pulumi`."""
    return cache_folder(variables) / BUILT


def cache_folder(variables: Mapping[str, str]) -> Path:
    """What can be made again, for all homes of this person."""
    given = variables.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path(variables.get("HOME", _NOWHERE), ".cache")) / "semantest-iac"


def _candidates(variables: Mapping[str, str]) -> Iterator[Path]:
    if named := variables.get(VARIABLE):
        yield Path(named).absolute()
        return
    if found := shutil.which("pulumi", path=variables.get("PATH", "")):
        yield Path(found).absolute()
    kept = kept_folder(variables)
    yield from (path for path in (kept / "pulumi", kept / "bin" / "pulumi") if os.access(path, os.X_OK))


def _remembered(path: Path, cache: Path) -> str:
    memory = cache / f"version-of-{crc32(os.fsencode(path)):08x}.json"
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
    fitting = f"pulumi {_text(OLDEST)} or newer of the same major version"
    hint = f"Run {SETUP}; where {VARIABLE} is set, set it to {fitting} or unset it."
    return RefusedError(f"Cannot use the Pulumi CLI '{path}': {cause}.", "ENGINE_UNAVAILABLE", hint=hint)
