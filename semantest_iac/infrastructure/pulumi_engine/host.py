"""Pulumi as it meets a program that it has started itself: what it tells, what it is told, and the resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
from pulumi.runtime import config as outside

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.artifact import Artifact
from semantest_iac.infrastructure.cloud_programs import program
from semantest_iac.infrastructure.cloud_programs.cloud import cloud
from semantest_iac.infrastructure.cloud_programs.context import Context


@dataclass(frozen=True, slots=True)
class Host:
    """`folder` is that of Pulumi.yaml; `secret` are the keys of `config` whose values are kept encrypted."""

    stack: str
    folder: Path
    config: Mapping[str, str] = field(repr=False)
    secret: frozenset[str]

    @classmethod
    def of_this_process(cls, namespace: str) -> Host:
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
        found = cloud(blueprint.stack.provider)
        program.load(found, blueprint)
        program.deploy(blueprint, found, Context(blueprint.stack, blueprint.generation, artifact, secret_value))
        if found.code and artifact:
            way = "for example with az functionapp deployment source config-zip"
            self.warn(f"Pulumi makes the app and no more: bring it its package '{artifact.path}' yourself, {way}.")
