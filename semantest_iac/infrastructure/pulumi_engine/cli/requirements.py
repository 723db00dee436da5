"""Checks what a deployment with Pulumi requires of this machine, and names the commands that install it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from semantest_iac.domain.errors import DeploymentError, Fault, RefusedError
from semantest_iac.domain.guardrails.engine_choice import REHEARSAL_ADVICE
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pulumi_engine.cli.location import SETUP_COMMAND, find_pulumi_cli


def require_pulumi_prerequisites(provider: str, *, real_cloud: bool, variables: Mapping[str, str]) -> None:
    """Raise RefusedError with everything that is missing and the command that installs it."""
    faults = list(find_missing_prerequisites(provider, real_cloud=real_cloud, variables=variables))
    if faults:
        message = "Cannot deploy with engine 'pulumi': something is missing on this machine."
        hint = REHEARSAL_ADVICE if real_cloud else "--engine sandbox runs the same programs and needs none of this."
        raise RefusedError(message, "ENGINE_UNAVAILABLE", hint=hint, faults=faults)


def find_missing_prerequisites(provider: str, *, real_cloud: bool, variables: Mapping[str, str]) -> Iterator[Fault]:
    """Yield what is missing of CLI, provider plugin and credentials; simulated clouds require the CLI alone."""
    try:
        find_pulumi_cli(variables)
    except DeploymentError as error:
        yield Fault("pulumi", error.message, error.hint)
    if real_cloud:
        yield from _find_missing_plugin(provider, variables)
        yield from _find_missing_credentials(provider, variables)


def find_installed_plugins(variables: Mapping[str, str]) -> Path | None:
    """The folder where the CLI keeps installed plugins, None if there is none."""
    folder = plugins_folder(variables)
    return folder if folder.is_dir() else None


def plugins_folder(variables: Mapping[str, str]) -> Path:
    home = variables.get("PULUMI_HOME")
    return (Path(home) if home else Path(variables.get("HOME", "/nonexistent"), ".pulumi")) / "plugins"


@dataclass(frozen=True, slots=True)
class ResourcePlugin:
    """The resource plugin that the installed SDK of a provider works with."""

    name: str
    version: str

    def folder(self, variables: Mapping[str, str]) -> Path:
        return plugins_folder(variables) / f"resource-{self.name}-v{self.version}"

    def is_complete(self, variables: Mapping[str, str]) -> bool:
        """Whether it is complete: the CLI marks a folder that it has not finished."""
        folder = self.folder(variables)
        return folder.is_dir() and not folder.with_name(f"{folder.name}.partial").exists()


def plugin_for_provider(provider: str) -> ResourcePlugin:
    """The plugin of a provider; raises RefusedError if its SDK is not installed."""
    cloud = CLOUDS[provider]
    try:
        return ResourcePlugin(cloud.package, version(cloud.sdk_distribution))
    except PackageNotFoundError as error:
        message, hint = (
            f"Cannot use '{cloud.sdk_distribution}': it is not installed.",
            f"Run pip install '{cloud.sdk_distribution}'.",
        )
        raise RefusedError(message, "ENGINE_UNAVAILABLE", hint=hint) from error


def _find_missing_plugin(provider: str, variables: Mapping[str, str]) -> Iterator[Fault]:
    try:
        plugin = plugin_for_provider(provider)
    except RefusedError as error:
        yield Fault(CLOUDS[provider].sdk_distribution, "is not installed", error.hint)
        return
    if not plugin.is_complete(variables):
        yield Fault(
            f"plugin {plugin.name}", f"{plugin.version} is not installed", f"Run {SETUP_COMMAND} --provider {provider}."
        )


def _find_missing_credentials(provider: str, variables: Mapping[str, str]) -> Iterator[Fault]:
    known, home = CLOUDS[provider].credentials, Path(variables.get("HOME", "/nonexistent"))
    if known is None or any(variables.get(name) for name in known.variables):
        return
    if not any((home / file).is_file() for file in known.files):
        yield Fault(f"{provider} credentials", "were not found", known.advice)
