"""Runs the cloud programs inside Pulumi: in the worker, or in a process that `pulumi up` started."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
from pulumi.runtime import config as outside

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac.infrastructure.cloud_programs import program
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud, find_cloud
from semantest_iac.infrastructure.cloud_programs.context import ProgramContext


class ProgramRun:
    """Callable as often as the engine wants; `fault` is what the program itself objected to.

    The cloud's SDK is imported while the CLI starts, which takes as long.
    """

    def __init__(self, work: Work, cloud: Cloud, secrets: Mapping[str, str]) -> None:
        self.fault: DeploymentError | None = None
        self._work = work
        self._cloud = cloud
        self._secrets = secrets
        threading.Thread(target=program.import_sdk, args=(cloud, work.blueprint), daemon=True).start()

    async def __call__(self) -> None:
        """Register every resource with the engine, and let every registration begin before the SDK looks for them.

        If it finds none, it goes on to wait for all outputs at once, again and again, one registration at a time: the
        time of a run then grows with the square of the resources.
        """
        work = self._work
        program.import_sdk(self._cloud, work.blueprint)
        blueprint, secret_value = work.blueprint, self._secrets.__getitem__
        context = ProgramContext(blueprint.stack, blueprint.generation, work.artifact, secret_value, deferred=work.held)
        try:
            program.register_blueprint(work.blueprint, self._cloud, context)
        except DeploymentError as error:
            self.fault = error
            raise
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class PulumiProgramHost:
    """`folder` is that of Pulumi.yaml; `secret` are the keys of `config` whose values are kept encrypted."""

    stack: str
    folder: Path
    config: Mapping[str, str] = field(repr=False)
    secret: frozenset[str]

    @classmethod
    def of_this_process(cls, namespace: str) -> PulumiProgramHost:
        """The one that started it; its configuration comes in variables or, from the Automation API, by call."""
        config = {**outside.get_config_env(), **outside.CONFIG.get()}
        keys = {key: name for key in config if (name := key.removeprefix(f"{namespace}:")) != key}
        secret = {*outside.get_config_secret_keys_env(), *filter(outside.is_config_secret, keys)}
        root = Path(pulumi.get_root_directory() or "")
        return cls(
            pulumi.get_stack(),
            root.absolute() if root.is_dir() else Path.cwd(),  # the Automation API does not say where it is
            {name: config[key] for key, name in keys.items()},
            frozenset(name for key, name in keys.items() if key in secret),
        )

    def inform(self, text: str) -> None:
        """A line beside the result."""
        pulumi.log.info(text)

    def warn(self, text: str) -> None:
        """What forbids nothing; no text is no warning."""
        if text:
            pulumi.log.warn(text)

    def refusal(self, text: str) -> Exception:
        """What to raise, for Pulumi to show the text alone."""
        return pulumi.RunError(text)

    def register(self, blueprint: Blueprint, artifact: Artifact | None, secret_value: Callable[[str], str]) -> None:
        """Every resource and output."""
        found = find_cloud(blueprint.stack.provider)
        program.import_sdk(found, blueprint)
        program.register_blueprint(
            blueprint, found, ProgramContext(blueprint.stack, blueprint.generation, artifact, secret_value)
        )
        if found.publishing and artifact:
            way = "for example with az functionapp deployment source config-zip"
            self.warn(f"Pulumi makes the app and no more: bring it its package '{artifact.path}' yourself, {way}.")
