"""Installs the CLI and the resource plugins for `semantest-iac setup`.

Everything is made in a staging folder first, so that an interrupted installation is never found and used."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote

from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.errors import DeploymentError, Fault, RefusedError, ValidationError
from semantest_iac.infrastructure.clouds.registry import CLOUDS
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


def run_installer(command: Sequence[str | Path], variables: Mapping[str, str], longest_s: float) -> None:
    """Run to the end, or end it with all that it started; raises RefusedError with its last words."""
    with _start_process([*parent_death_signal_prefix(), *command], variables) as process:
        try:
            output, _ = process.communicate(timeout=longest_s)
        except subprocess.TimeoutExpired as error:
            raise setup_error(f"it took longer than {longest_s:g} s") from error
        finally:
            _end_process(process)
    if process.returncode:
        raise setup_error(_error_text(output) or f"it ended with {process.returncode}")


def setup_error(cause: str) -> RefusedError:
    """Why one way does not work here."""
    return RefusedError(cause, "SETUP_FAILED")


@contextmanager
def staging_folder(beside: Path) -> Iterator[Path]:
    """A folder to make something in, gone in the end; raises RefusedError where nothing can be written."""
    try:
        beside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=".setup-", dir=beside.parent, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        raise setup_error(f"cannot write to '{beside.parent}': {error.strerror or error}") from error


def move_into_place(made: Path, place: Path) -> None:
    """Into place at once; what is there and was found useless goes away with the draft."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if place.exists():
        place.rename(made.with_name(".before"))
    made.rename(place)


def _start_process(command: Sequence[str | Path], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # no shell
            command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise setup_error(f"cannot start '{command[0]}': {error.strerror}") from error


def _end_process(process: subprocess.Popen[bytes]) -> None:
    """Also of what it left behind; while it runs it is asked first, so that it can take away what is half made."""
    try:
        if process.poll() is None:
            kill_process_group(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_TERMINATION_GRACE_S)
    finally:
        kill_process_group(process.pid)


def _error_text(output: bytes) -> str:
    """The last complaints where lines say that they are some (what comes last may sum up what came before)."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("error:", "warning:"))]
    return make_printable(" ".join(complaints[-2:] or lines[-1:]), _ERROR_TEXT_LIMIT)


_DOWNLOAD_TIMEOUT_S, _BUILD_TIMEOUT_S = 900.0, 3600.0
_DOWNLOAD_SCRIPT = Path(__file__).with_name("download_cli.py")
_CHECKOUT_SOURCE = Path(__file__).parents[4] / "tools" / "pulumi-cli"
_BUILD_SCRIPT = (
    _CHECKOUT_SOURCE if _CHECKOUT_SOURCE.is_dir() else Path(__file__).parents[1] / "cli_source"
) / "build"  # as a wheel has it
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
    """One thing: `look` says where it is or raises, `ways` are names and deeds, the first that works counts."""

    name: str
    look: Callable[[], str]
    ways: Sequence[tuple[str, Callable[[], None]]]
    by_hand: str

    def found(self) -> str | None:
        """Where it is; None where it is not, or does not fit."""
        try:
            return self.look()
        except DeploymentError:
            return None

    def meet(self, tell: ReportStep) -> str:
        """Get it by the first way that works here; raises RefusedError with what became of each."""
        faults = []
        for way, take in self.ways:
            tell(f"{self.name}: {way}")
            try:
                take()
                return self.look()
            except DeploymentError as error:
                tell(f"{self.name}: {error.message}")
                faults.append(Fault(way, error.message, error.hint))
        raise RefusedError(f"Cannot get {self.name} here.", "SETUP_FAILED", hint=self.by_hand, faults=faults)


def list_prerequisites(providers: Collection[str], variables: Mapping[str, str]) -> list[Prerequisite]:
    """The CLI, then the plugins of these providers, or of all whose SDK is installed; raises ValidationError."""
    unknown = [name for name in providers if name not in CLOUDS]
    if unknown:
        faults = [
            Fault("provider", f"unknown provider '{make_printable(name)}'", suggest_known(name, CLOUDS))
            for name in unknown
        ]
        raise ValidationError("Cannot set up for these providers.", faults=faults)
    wanted = dict.fromkeys(providers) or [name for name in CLOUDS if _has_sdk(name)]
    return [_cli_prerequisite(variables), *(_plugin_prerequisite(name, variables) for name in wanted)]


def _cli_prerequisite(variables: Mapping[str, str]) -> Prerequisite:
    look = partial(_find_cli_path, variables)
    if variables.get(CLI_PATH_VARIABLE):
        return Prerequisite(
            "the Pulumi CLI",
            look,
            (),
            f"Set {CLI_PATH_VARIABLE} to pulumi {PRIVATE_CLI_VERSION} or newer, or unset it.",
        )
    ways = (
        (f"download {PRIVATE_CLI_VERSION} with Pulumi's installer", partial(_download_cli, variables)),
        (f"build {PRIVATE_CLI_VERSION} from its sources with Go, about seven minutes", partial(_build_cli, variables)),
    )
    return Prerequisite("the Pulumi CLI", look, ways, f"Where there is a network: {_MANUAL_COMMAND}")


def _find_cli_path(variables: Mapping[str, str]) -> str:
    return str(find_pulumi_cli(variables).path)


def _download_cli(variables: Mapping[str, str]) -> None:
    kept = private_cli_folder(variables)
    with staging_folder(kept) as folder:
        run_installer(
            [sys.executable, "-P", _DOWNLOAD_SCRIPT, folder, PRIVATE_CLI_VERSION],
            _installer_environment(variables),
            _DOWNLOAD_TIMEOUT_S,
        )
        move_into_place(folder / "bin", kept / "bin")


def _build_cli(variables: Mapping[str, str]) -> None:
    if not shutil.which("go", path=variables.get("PATH", "")):
        raise setup_error("there is no Go here")
    run_installer(["bash", _BUILD_SCRIPT], _installer_environment(variables), _BUILD_TIMEOUT_S)


def _plugin_prerequisite(provider: str, variables: Mapping[str, str]) -> Prerequisite:
    look = partial(_find_plugin, provider, variables)
    try:
        plugin = plugin_for_provider(provider)
    except RefusedError as error:
        return Prerequisite(f"the plugin for {provider}", look, (), error.hint)
    words = f"plugin install resource {plugin.name} {plugin.version}"
    ways = ((f"pulumi {words}", partial(_install_plugin, plugin, variables)),)
    place = plugin.folder(variables)
    by_hand = (
        f"Where there is a network: {_cli_command(variables)} {words}; or copy '{place}' from a machine that has it."
    )
    return Prerequisite(f"plugin {plugin.name} {plugin.version}", look, ways, by_hand)


def _cli_command(variables: Mapping[str, str]) -> str:
    """What to type for the CLI: ours is not on the PATH."""
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
    if not plugin.is_there(variables):
        raise setup_error("it is not there")
    return str(plugin.folder(variables))


def _install_plugin(plugin: ResourcePlugin, variables: Mapping[str, str]) -> None:
    """In a home of its own: a folder that the CLI has not finished is never seen in the real one."""
    cli, place = find_pulumi_cli(variables), plugin.folder(variables)
    with staging_folder(place.parent) as home:
        environment = {
            **_installer_environment(variables),
            "PULUMI_HOME": str(home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        command: list[str | Path] = [
            cli.path,
            "plugin",
            "install",
            "resource",
            plugin.name,
            plugin.version,
            "--non-interactive",
        ]
        run_installer(command, environment, _DOWNLOAD_TIMEOUT_S)
        move_into_place(home / "plugins" / place.name, place)
        place.with_name(f"{place.name}.partial").unlink(missing_ok=True)


def _installer_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """An installer gets no secret of a deployment."""
    return {name: value for name, value in variables.items() if name in _INSTALLER_VARIABLES}
