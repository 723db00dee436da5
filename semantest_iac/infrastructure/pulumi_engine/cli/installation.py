"""Installs the CLI and the resource plugins for `semantest-iac setup`.

Everything is made in a staging folder first, so that an interrupted installation is never found and used."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote

from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.errors import DeploymentError, Fault, RefusedError, ValidationError
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.durable_files import make_draft_folder, make_private_folder, sync_folder
from semantest_iac.infrastructure.function_runtimes.platforms import parent_death_signal_prefix
from semantest_iac.infrastructure.pulumi_engine.cli.location import (
    CLI_PATH_VARIABLE,
    PRIVATE_CLI_VERSION,
    find_pulumi_cli,
    private_cli_folder,
)
from semantest_iac.infrastructure.pulumi_engine.cli.requirements import ResourcePlugin, plugin_for_provider
from semantest_iac.infrastructure.pulumi_engine.runs import kill_process_group

_TERMINATION_GRACE_S = 5.0
_ERROR_TEXT_LIMIT = 500  # characters
_DOWNLOAD_TIMEOUT_S, _BUILD_TIMEOUT_S = 900.0, 3600.0
_DOWNLOAD_SCRIPT = Path(__file__).with_name("download_cli.py")
_CHECKOUT_SOURCE = Path(__file__).parents[4] / "tools" / "pulumi-cli"
_WHEEL_SOURCE = Path(__file__).parents[1] / "cli_source"
_BUILD_SCRIPT = (_CHECKOUT_SOURCE if _CHECKOUT_SOURCE.is_dir() else _WHEEL_SOURCE) / "build"
_MANUAL_COMMAND = f"curl -fsSL https://get.pulumi.com | sh -s -- --version {PRIVATE_CLI_VERSION}"
_GO_VARIABLES = {
    f"GO{name}" for name in ("CACHE", "FLAGS", "MODCACHE", "PATH", "PRIVATE", "PROXY", "ROOT", "SUMDB", "TOOLCHAIN")
}
_INSTALLER_VARIABLES = _GO_VARIABLES | {
    "GITHUB_TOKEN", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "NO_PROXY", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE",
    "TMPDIR", "XDG_CACHE_HOME", "https_proxy", "http_proxy", "no_proxy",
}  # fmt: skip

ReportStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """Something that the engine requires of this machine.

    `locate` returns its path or raises DeploymentError. `methods` are pairs of a name and a function that installs it.
    """

    name: str
    locate: Callable[[], str]
    methods: Sequence[tuple[str, Callable[[], None]]]
    manual_hint: str

    def find(self) -> str | None:
        """The path, None if it is missing or unusable."""
        try:
            return self.locate()
        except DeploymentError:
            return None

    def install(self, report: ReportStep) -> str:
        """Install it by the first method that works and return its path; raises RefusedError with all failures."""
        faults = []
        for method, install in self.methods:
            report(f"{self.name}: {method}")
            try:
                install()
                return self.locate()
            except DeploymentError as error:
                report(f"{self.name}: {error.message}")
                faults.append(Fault(method, error.message, error.hint))
        raise RefusedError(f"Cannot install {self.name}.", "SETUP_FAILED", hint=self.manual_hint, faults=faults)


def list_prerequisites(providers: Collection[str], variables: Mapping[str, str]) -> list[Prerequisite]:
    """The CLI, then the plugins of the providers; without providers, the plugins of all installed SDKs.

    Raises ValidationError for unknown providers.
    """
    unknown = [name for name in providers if name not in CLOUDS]
    if unknown:
        faults = [
            Fault("provider", f"unknown provider '{make_printable(name)}'", suggest_known(name, CLOUDS))
            for name in unknown
        ]
        raise ValidationError("Cannot set up for these providers.", faults=faults)
    selected = dict.fromkeys(providers) or [name for name in CLOUDS if _has_sdk(name)]
    return [_cli_prerequisite(variables), *(_plugin_prerequisite(name, variables) for name in selected)]


def _cli_prerequisite(variables: Mapping[str, str]) -> Prerequisite:
    locate = partial(_find_cli_path, variables)
    if variables.get(CLI_PATH_VARIABLE):
        hint = f"Set {CLI_PATH_VARIABLE} to pulumi {PRIVATE_CLI_VERSION} or newer, or unset it."
        return Prerequisite("the Pulumi CLI", locate, (), hint)
    methods = (
        (f"download {PRIVATE_CLI_VERSION} with Pulumi's installer", partial(_download_cli, variables)),
        (f"build {PRIVATE_CLI_VERSION} from its sources with Go, about seven minutes", partial(_build_cli, variables)),
    )
    return Prerequisite("the Pulumi CLI", locate, methods, f"Where there is a network: {_MANUAL_COMMAND}")


def _find_cli_path(variables: Mapping[str, str]) -> str:
    return str(find_pulumi_cli(variables).path)


def _download_cli(variables: Mapping[str, str]) -> None:
    target = private_cli_folder(variables)
    with staging_folder(target) as folder:
        command: Sequence[str | Path] = [sys.executable, "-P", _DOWNLOAD_SCRIPT, folder, PRIVATE_CLI_VERSION]
        run_installer(command, _installer_environment(variables), _DOWNLOAD_TIMEOUT_S)
        move_into_place(folder / "bin", target / "bin")


def _build_cli(variables: Mapping[str, str]) -> None:
    if not shutil.which("go", path=variables.get("PATH", "")):
        raise setup_error("Go is not installed")
    run_installer(["bash", _BUILD_SCRIPT], _installer_environment(variables), _BUILD_TIMEOUT_S)


def _plugin_prerequisite(provider: str, variables: Mapping[str, str]) -> Prerequisite:
    locate = partial(_find_plugin, provider, variables)
    try:
        plugin = plugin_for_provider(provider)
    except RefusedError as error:
        return Prerequisite(f"the plugin for {provider}", locate, (), error.hint)
    arguments = f"plugin install resource {plugin.name} {plugin.version}"
    methods = ((f"pulumi {arguments}", partial(_install_plugin, plugin, variables)),)
    command, folder = f"{_cli_command_to_type(variables)} {arguments}", plugin.folder(variables)
    hint = f"Where there is a network: {command}; or copy '{folder}' from a machine that has it."
    return Prerequisite(f"plugin {plugin.name} {plugin.version}", locate, methods, hint)


def _cli_command_to_type(variables: Mapping[str, str]) -> str:
    """The command for a person to type: the private CLI is not on the PATH."""
    try:
        return quote(str(find_pulumi_cli(variables).path))
    except DeploymentError:
        return "pulumi"


def _has_sdk(provider: str) -> bool:
    try:
        return bool(plugin_for_provider(provider))
    except RefusedError:
        return False


def _find_plugin(provider: str, variables: Mapping[str, str]) -> str:
    plugin = plugin_for_provider(provider)
    if not plugin.is_complete(variables):
        raise setup_error("it is not installed")
    return str(plugin.folder(variables))


def _install_plugin(plugin: ResourcePlugin, variables: Mapping[str, str]) -> None:
    """Install it in a home of its own first, so that an incomplete plugin never is in the real one."""
    cli, target = find_pulumi_cli(variables), plugin.folder(variables)
    with staging_folder(target.parent) as home:
        command = [str(cli.path), "plugin", "install", "resource", plugin.name, plugin.version, "--non-interactive"]
        environment = _installer_environment(variables)
        environment |= {"PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
        run_installer(command, environment, _DOWNLOAD_TIMEOUT_S)
        move_into_place(home / "plugins" / target.name, target)
        target.with_name(f"{target.name}.partial").unlink(missing_ok=True)


def _installer_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without any secret of a deployment."""
    return {name: value for name, value in variables.items() if name in _INSTALLER_VARIABLES}


def run_installer(command: Sequence[str | Path], variables: Mapping[str, str], timeout_s: float) -> None:
    """Run a program; at its end, or after the timeout, kill all that it started.

    Raises RefusedError with its last lines of output.
    """
    with _start_process([*parent_death_signal_prefix(), *command], variables) as process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise setup_error(f"it took longer than {timeout_s:g} s") from error
        finally:
            _end_process(process)
    if process.returncode:
        raise setup_error(_error_text(output) or f"it ended with {process.returncode}")


def setup_error(cause: str) -> RefusedError:
    return RefusedError(cause, "SETUP_FAILED")


@contextmanager
def staging_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside the target; raises RefusedError if it cannot be written."""
    try:
        with make_draft_folder(target.parent) as folder:
            yield folder
    except OSError as error:
        raise setup_error(f"cannot write to '{target.parent}': {error.strerror or error}") from error


def move_into_place(source: Path, target: Path) -> None:
    """Move a file or folder out of the staging folder; an older target is moved into it."""
    make_private_folder(target.parent)
    if target.exists():
        target.rename(source.with_name(".before"))
    source.rename(target)
    sync_folder(target.parent)


def _start_process(command: Sequence[str | Path], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # no shell
            command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise setup_error(f"cannot start '{command[0]}': {error.strerror}") from error


def _end_process(process: subprocess.Popen[bytes]) -> None:
    """Kill its process group; a running process gets SIGTERM first, so that it can remove incomplete files."""
    try:
        if process.poll() is None:
            kill_process_group(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_TERMINATION_GRACE_S)
    finally:
        kill_process_group(process.pid)


def _error_text(output: bytes) -> str:
    """The last lines that are marked as errors or warnings, else the last line."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error:", "warning:"))]
    return make_printable(" ".join(errors[-2:] or lines[-1:]), _ERROR_TEXT_LIMIT)
