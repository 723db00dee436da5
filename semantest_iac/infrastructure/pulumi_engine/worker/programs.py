"""Runs the cloud programs inside Pulumi: in the worker, or in a process that `pulumi up` started."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config as pulumi_config
from pulumi.runtime import settings

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac.infrastructure.cloud_programs import program
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud, find_cloud
from semantest_iac.infrastructure.cloud_programs.context import ProgramContext, RetainedResource
from semantest_iac.infrastructure.container_images.image_pushing import ImagePush, PushImage, push_image


class ProgramRun:
    """The program of one deployment, which the engine calls any number of times; `error` is what the program raised.

    `push_image` puts images into registries, without it there are none. `retained` is what a delete would leave in the
    cloud, as the state has it, and `deleted` what an earlier run deleted and could not create again. By URN and
    property, `property_origins` are the URNs of the resources that a property's value comes from.
    The cloud's SDK is imported while the CLI starts, which takes as long.
    """

    def __init__(
        self, work: Work, cloud: Cloud, secrets: Mapping[str, str], push_image: PushImage | None = None
    ) -> None:
        self._push_image = push_image
        self.error: DeploymentError | None = None
        self.property_origins: dict[str, Mapping[str, list[str]]] = {}
        self.retained: Sequence[RetainedResource] = ()
        self.deleted: Collection[tuple[str, str]] = ()
        self._work = work
        self._cloud = cloud
        self._secrets = secrets
        threading.Thread(target=program.import_sdk, args=(cloud, work.blueprint), daemon=True).start()

    async def __call__(self) -> None:
        """Register every resource with the engine, and let every registration begin before returning to the SDK.

        An SDK that finds no registration in progress waits for all outputs at once, again after each registration:
        the duration of a run then grows with the square of the number of resources.
        """
        work = self._work
        settings.SETTINGS.monitor = _RecordingMonitor(settings.get_monitor(), self.property_origins)
        program.import_sdk(self._cloud, work.blueprint)
        program.leave_out_positions()
        blueprint, secret_value = work.blueprint, self._secrets.__getitem__
        context = ProgramContext(
            blueprint.stack,
            blueprint.generation,
            work.artifact,
            secret_value,
            deferred=work.deferred,
            deployment=work.deployment,
            versions=work.versions,
            retained=self.retained,
            deleted=self.deleted,
            push_image=self._push_or_note_error if self._push_image else None,
        )
        try:
            program.register_blueprint(work.blueprint, self._cloud, context)
        except DeploymentError as error:
            self.error = error
            raise
        await asyncio.sleep(0)

    def _push_or_note_error(self, push: ImagePush) -> None:
        """Push an image; what goes wrong ends the program, which the engine would tell in words of its own."""
        assert self._push_image is not None  # noqa: S101  # it is called where there is one
        try:
            self._push_image(push)
        except DeploymentError as error:
            self.error = error
            raise pulumi.RunError(error.message) from error


class _RecordingMonitor:
    """Passes every call to the engine, and records where the properties of the registered resources come from.

    The engine's events do not say it, and its state says it of the last deployment only.
    """

    def __init__(self, monitor: Any, property_origins: dict[str, Mapping[str, list[str]]]) -> None:
        self._monitor = monitor
        self._property_origins = property_origins

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name is Pulumi's
        response = self._monitor.RegisterResource(request)
        found = {name: list(origins.urns) for name, origins in request.propertyDependencies.items()}
        self._property_origins[response.urn] = found
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._monitor, name)


def _push_or_end_program(push: ImagePush) -> None:
    pulumi.log.info(f"pushing the image of {push.repository}")
    try:
        push_image(push)
    except DeploymentError as error:
        raise pulumi.RunError(f"{error.message} {error.hint}") from error


def _find_names(config: Mapping[str, str], namespace: str) -> dict[str, str]:
    """Return the keys of a namespace, each with its name without the namespace."""
    return {key: name for key in config if (name := key.removeprefix(f"{namespace}:")) != key}


@dataclass(frozen=True, slots=True)
class PulumiProgramHost:
    """What Pulumi tells the program that it started, and what the program can tell Pulumi.

    `folder` is that of Pulumi.yaml; `secret_keys` are the keys of `config` and `project_config` whose values Pulumi
    encrypts. `project_config` has the keys without a namespace, which Pulumi writes in that of the project.
    """

    stack: str
    folder: Path
    config: Mapping[str, str] = field(repr=False)
    project_config: Mapping[str, str] = field(repr=False)
    secret_keys: frozenset[str]

    @classmethod
    def from_environment(cls, namespace: str) -> PulumiProgramHost:
        """Read the stack and its configuration, which Pulumi sets in variables and the Automation API by a call."""
        config = {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()}
        keys = _find_names(config, namespace)
        project_keys = _find_names(config, pulumi.get_project())
        names = {**project_keys, **keys}
        secrets = {*pulumi_config.get_config_secret_keys_env(), *filter(pulumi_config.is_config_secret, names)}
        root = Path(pulumi.get_root_directory() or "")
        return cls(
            pulumi.get_stack(),
            root.absolute() if root.is_dir() else Path.cwd(),  # the Automation API does not set a root folder
            {name: config[key] for key, name in keys.items()},
            {name: config[key] for key, name in project_keys.items()},
            frozenset(name for key, name in names.items() if key in secrets),
        )

    def log_info(self, text: str) -> None:
        pulumi.log.info(text)

    def log_warning(self, text: str) -> None:
        """Log a warning; an empty text is none."""
        if text:
            pulumi.log.warn(text)

    def run_error(self, text: str) -> Exception:
        """The exception of which Pulumi shows the text without a traceback."""
        return pulumi.RunError(text)

    def register_resources(
        self, blueprint: Blueprint, artifact: Artifact | None, secret_value: Callable[[str], str]
    ) -> None:
        """Register every resource and export the outputs."""
        cloud = find_cloud(blueprint.stack.provider)
        program.import_sdk(cloud, blueprint)
        context = ProgramContext(
            blueprint.stack, blueprint.generation, artifact, secret_value, push_image=_push_or_end_program
        )
        program.register_blueprint(blueprint, cloud, context)
        if cloud.publishing and artifact:
            example = "for example with az functionapp deployment source config-zip"
            self.log_warning(
                f"Pulumi creates the app without its code: deploy the package '{artifact.path}', {example}."
            )
