"""What the engine needs of this machine besides Python packages, and the ways to get it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote

from semantest_iac.domain.environments.names import shown, suggestion
from semantest_iac.domain.errors import DeploymentError, Fault, RefusedError, ValidationError
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pulumi_engine.cli_location import KEPT, VARIABLE, kept_folder, locate
from semantest_iac.infrastructure.pulumi_engine.fetching import draft, failed, put, run
from semantest_iac.infrastructure.pulumi_engine.requirements import Plugin, plugin_of

_DOWNLOAD_S, _BUILD_S = 900.0, 3600.0
_INSTALLER = Path(__file__).with_name("installer.py")
_CHECKOUT = Path(__file__).parents[3] / "tools" / "pulumi-cli"
_BUILD = (_CHECKOUT if _CHECKOUT.is_dir() else Path(__file__).parent / "cli_source") / "build"  # as a wheel has it
_BY_HAND = f"curl -fsSL https://get.pulumi.com | sh -s -- --version {KEPT}"
_GO = {f"GO{name}" for name in ("CACHE", "FLAGS", "MODCACHE", "PATH", "PRIVATE", "PROXY", "ROOT", "SUMDB", "TOOLCHAIN")}
_PASSED = _GO | {
    "GITHUB_TOKEN", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "NO_PROXY", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE",
    "TMPDIR", "XDG_CACHE_HOME", "https_proxy", "http_proxy", "no_proxy",
}  # fmt: skip

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Need:
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

    def meet(self, tell: Tell) -> str:
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


def needs(providers: Collection[str], variables: Mapping[str, str]) -> list[Need]:
    """The CLI, then the plugins of these providers, or of all whose SDK is installed; raises ValidationError."""
    unknown = [name for name in providers if name not in CLOUDS]
    if unknown:
        faults = [Fault("provider", f"unknown provider '{shown(name)}'", suggestion(name, CLOUDS)) for name in unknown]
        raise ValidationError("Cannot set up for these providers.", faults=faults)
    wanted = dict.fromkeys(providers) or [name for name in CLOUDS if _has_sdk(name)]
    return [_cli(variables), *(_plugin(name, variables) for name in wanted)]


def _cli(variables: Mapping[str, str]) -> Need:
    look = partial(_located, variables)
    if variables.get(VARIABLE):
        return Need("the Pulumi CLI", look, (), f"Set {VARIABLE} to pulumi {KEPT} or newer, or unset it.")
    ways = (
        (f"download {KEPT} with Pulumi's installer", partial(_download, variables)),
        (f"build {KEPT} from its sources with Go, about seven minutes", partial(_build, variables)),
    )
    return Need("the Pulumi CLI", look, ways, f"Where there is a network: {_BY_HAND}")


def _located(variables: Mapping[str, str]) -> str:
    return str(locate(variables).path)


def _download(variables: Mapping[str, str]) -> None:
    kept = kept_folder(variables)
    with draft(kept) as folder:
        run([sys.executable, "-P", _INSTALLER, folder, KEPT], _passed(variables), _DOWNLOAD_S)
        put(folder / "bin", kept / "bin")


def _build(variables: Mapping[str, str]) -> None:
    if not shutil.which("go", path=variables.get("PATH", "")):
        raise failed("there is no Go here")
    run(["bash", _BUILD], _passed(variables), _BUILD_S)


def _plugin(provider: str, variables: Mapping[str, str]) -> Need:
    look = partial(_plugged, provider, variables)
    try:
        plugin = plugin_of(provider)
    except RefusedError as error:
        return Need(f"the plugin for {provider}", look, (), error.hint)
    words = f"plugin install resource {plugin.name} {plugin.version}"
    ways = ((f"pulumi {words}", partial(_plug, plugin, variables)),)
    place = plugin.folder(variables)
    by_hand = f"Where there is a network: {_program(variables)} {words}; or copy '{place}' from a machine that has it."
    return Need(f"plugin {plugin.name} {plugin.version}", look, ways, by_hand)


def _program(variables: Mapping[str, str]) -> str:
    """What to type for the CLI: ours is not on the PATH."""
    try:
        return quote(str(locate(variables).path))
    except DeploymentError:
        return "pulumi"


def _has_sdk(provider: str) -> bool:
    try:
        return bool(plugin_of(provider))
    except RefusedError:
        return False


def _plugged(provider: str, variables: Mapping[str, str]) -> str:
    plugin = plugin_of(provider)
    if not plugin.is_there(variables):
        raise failed("it is not there")
    return str(plugin.folder(variables))


def _plug(plugin: Plugin, variables: Mapping[str, str]) -> None:
    """In a home of its own: a folder that the CLI has not finished is never seen in the real one."""
    cli, place = locate(variables), plugin.folder(variables)
    with draft(place.parent) as home:
        environment = {**_passed(variables), "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
        command: list[str | Path] = [
            cli.path,
            "plugin",
            "install",
            "resource",
            plugin.name,
            plugin.version,
            "--non-interactive",
        ]
        run(command, environment, _DOWNLOAD_S)
        put(home / "plugins" / place.name, place)
        place.with_name(f"{place.name}.partial").unlink(missing_ok=True)


def _passed(variables: Mapping[str, str]) -> dict[str, str]:
    """An installer gets no secret of a deployment."""
    return {name: value for name, value in variables.items() if name in _PASSED}
