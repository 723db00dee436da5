"""Runs the program of a blueprint once in a simulated cloud of its own, to see what it creates."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.containers import ContainerService, service_package
from semantest_iac.domain.compute.functions import Artifact, ServerlessFunction
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.sites import INDEX_PAGE, SITE_PACKAGE, SITE_RUNTIME, StaticSite
from semantest_iac.domain.ports.provisioner import SettledResource, Work, ignore_progress
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.domain.security.access import AppSecret
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

_PLACEHOLDER = "placeholder"
_PROGRAM_TYPE_PREFIXES = ("pulumi:", "semantest:")


async def list_created_resources(blueprint: Blueprint, runtime: str, folder: Path) -> list[DeployedResource]:
    """Return the resources that the blueprint's program creates, as a new cloud in this folder has them.

    What waits for code has no outputs. Any file serves as code, this one, and any text as the value of a secret.
    """
    engine = SandboxEngine(StateStore(folder / "sandbox"), cloud_factory(folder / "cloud.db"), _reveal_placeholder)
    work = Work("", blueprint, _make_artifact(blueprint, runtime, folder))
    await engine.apply(work, ChangePlan(), _discard, ignore_progress)
    created = await engine.read_deployed_resources(blueprint.stack)
    rest = (await engine.preview(work)).mutations
    waiting = [DeployedResource(it.type, it.name, {}) for it in rest if it.op == "create"]
    return [it for it in (*created, *waiting) if not it.type.startswith(_PROGRAM_TYPE_PREFIXES)]


def _make_artifact(blueprint: Blueprint, runtime: str, folder: Path) -> Artifact:
    artifact = Artifact("0" * 64, Path(__file__), "index.handler", runtime, 1)
    named = {it.package: artifact for it in blueprint.resources if isinstance(it, ServerlessFunction) and it.package}
    images = [it.service for it in blueprint.resources if isinstance(it, ContainerService) and not it.image]
    named |= {service_package(it): replace(artifact, handler=f"sha256:{'0' * 64}") for it in images}
    if any(isinstance(it, StaticSite) for it in blueprint.resources):
        named[SITE_PACKAGE] = _make_site(folder)
    return replace(artifact, companions=named)


def _make_site(folder: Path) -> Artifact:
    """Return the package of a site with one page."""
    path = folder / "site.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(INDEX_PAGE), "")
    return Artifact("0" * 64, path, "", SITE_RUNTIME, path.stat().st_size)


def _reveal_placeholder(_: Stack, secret: AppSecret) -> str:
    return _PLACEHOLDER


async def _discard(_: SettledResource) -> None:
    """Nobody is told what a trial has made."""
