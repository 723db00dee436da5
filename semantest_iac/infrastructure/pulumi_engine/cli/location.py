"""Finds the Pulumi CLI on this machine and checks its version."""

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
from semantest_iac.infrastructure.durable_files import replace_file
from semantest_iac.infrastructure.function_runtimes.runtime_libraries import user_cache_folder
from semantest_iac.infrastructure.nested_text import parse_json

OLDEST_CLI_VERSION = (3, 250, 0)
PRIVATE_CLI_VERSION = "3.250.0"
PRIVATE_CLI_FOLDER_NAME = f"pulumi-{PRIVATE_CLI_VERSION}"
CLI_PATH_VARIABLE = "SEMANTEST_PULUMI"
SETUP_COMMAND = "python -m semantest_iac setup"
_VERSION_TIMEOUT_S = 20
_NO_HOME = os.devnull  # no file can be created below it
_VERSION_PATTERN = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class PulumiCli:
    """A usable CLI, and its version without the leading v."""

    path: Path
    version: str


def find_pulumi_cli(variables: Mapping[str, str]) -> PulumiCli:
    """Find the CLI: the one that SEMANTEST_PULUMI names, else the first usable one on the PATH or in the private
    folder.

    The version of each program is cached until the file changes. Raises RefusedError with a hint.
    """
    refusal: RefusedError | None = None
    for path in _candidates(variables):
        try:
            return _require_supported(PulumiCli(path, _find_version(path, user_cache_folder(variables))))
        except RefusedError as error:
            refusal = refusal or error
    raise refusal or RefusedError(
        "Cannot find the Pulumi CLI: it is not on this machine.",
        "ENGINE_UNAVAILABLE",
        hint=(
            f"Run {SETUP_COMMAND}, or put pulumi {_format_version(OLDEST_CLI_VERSION)} or newer on the PATH "
            f"or in {CLI_PATH_VARIABLE}."
        ),
    )


def private_cli_folder(variables: Mapping[str, str]) -> Path:
    """The folder of the CLI that setup installs: built as `pulumi`, downloaded as `bin/pulumi`."""
    return user_cache_folder(variables) / PRIVATE_CLI_FOLDER_NAME


def _candidates(variables: Mapping[str, str]) -> Iterator[Path]:
    if configured := variables.get(CLI_PATH_VARIABLE):
        yield Path(configured).absolute()
        return
    if found := shutil.which("pulumi", path=variables.get("PATH", "")):
        yield Path(found).absolute()
    folder = private_cli_folder(variables)
    yield from (path for path in (folder / "pulumi", folder / "bin" / "pulumi") if os.access(path, os.X_OK))


def _find_version(path: Path, cache_folder: Path) -> str:
    cache_file = cache_folder / f"version-of-{crc32(os.fsencode(path)):08x}.json"
    try:
        stat = path.stat()
    except OSError as error:
        raise _unusable_cli_error(path, "it does not exist") from error
    identity = [str(path), stat.st_mtime_ns, stat.st_size]
    try:
        *cached_identity, version = parse_json(cache_file.read_text(encoding="utf-8"))
        if cached_identity == identity:
            return str(version)
    except (OSError, ValueError, TypeError):  # not cached yet, or another program wrote there
        pass
    version = _ask_version(path)
    _cache_version(cache_file, [*identity, version])
    return version


def _cache_version(cache_file: Path, content: list[object]) -> None:
    """Cache a version; where nothing can be written, the program is asked each time."""
    with suppress(OSError):
        replace_file(cache_file, json.dumps(content))


def _ask_version(path: Path) -> str:
    environment = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PATH": os.defpath, "HOME": _NO_HOME}
    try:
        result = subprocess.run(  # noqa: S603  # no shell
            [path, "version"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True,
            timeout=_VERSION_TIMEOUT_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise _unusable_cli_error(path, "it does not answer 'version'") from error
    return result.stdout.decode(errors="replace").strip().removeprefix("v")


def _require_supported(cli: PulumiCli) -> PulumiCli:
    found, sdk = _parse_version(cli.version), _parse_version(version_of("pulumi"))
    if found is None or sdk is None:
        raise _unusable_cli_error(cli.path, f"'{cli.version[:40]}' is not a version")
    if found < OLDEST_CLI_VERSION:
        raise _unusable_cli_error(
            cli.path, f"version {cli.version} is older than {_format_version(OLDEST_CLI_VERSION)}"
        )
    if found[0] != sdk[0]:
        raise _unusable_cli_error(cli.path, f"version {cli.version} does not fit the Pulumi SDK {_format_version(sdk)}")
    return cli


def _parse_version(version: str) -> tuple[int, ...] | None:
    match = _VERSION_PATTERN.match(version)
    return tuple(map(int, match.groups())) if match else None


def _format_version(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _unusable_cli_error(path: Path, cause: str) -> RefusedError:
    fitting = f"pulumi {_format_version(OLDEST_CLI_VERSION)} or newer of the same major version"
    hint = f"Run {SETUP_COMMAND}; where {CLI_PATH_VARIABLE} is set, set it to {fitting} or unset it."
    return RefusedError(f"Cannot use the Pulumi CLI '{path}': {cause}.", "ENGINE_UNAVAILABLE", hint=hint)
