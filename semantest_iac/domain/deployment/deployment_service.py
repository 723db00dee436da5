"""Builds blueprints and packages for deployments, previews them and verifies the deployed service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.components import (
    AUTHORIZER_REF,
    build_account,
    build_rest_api,
    build_websocket,
)
from semantest_iac.domain.blueprints.platform.layers import build_platform
from semantest_iac.domain.blueprints.traffic_split import TrafficSplit
from semantest_iac.domain.compute.containers import service_package
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.verification import ServiceVerifier
from semantest_iac.domain.environments.names import PLATFORM_TYPES
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import DeploymentError, Fault, ValidationError
from semantest_iac.domain.networking.custom_domains import HaveRecords
from semantest_iac.domain.networking.sites import SITE_PACKAGE
from semantest_iac.domain.ports.artifact_builder import (
    ArtifactBuilder,
    FunctionApp,
    FunctionCode,
    FunctionSource,
    ImageSource,
    PackagingRun,
)
from semantest_iac.domain.ports.artifact_store import ArtifactStore
from semantest_iac.domain.ports.provisioner import Provisioner, ReportProgress, StackOutputs, Work, ignore_progress
from semantest_iac.domain.ports.service_probe import ServiceProbe
from semantest_iac_events.values import HealthAnswer

_NO_VERSIONS: Mapping[str, str] = {}
_NO_OUTPUTS: StackOutputs = {}
_BUNDLED_SERVICES = {"websocket": "websocket_service", **dict.fromkeys(PLATFORM_TYPES, "message_worker")}
_DEFAULT_BUNDLED_SERVICE = "health_service"


def build_package(
    builder: ArtifactBuilder, stack: Stack, settings: ComponentSettings, run: PackagingRun | None = None
) -> Artifact | None:
    """Build the package of the main function with its companions; None for a stack without code.

    Blocks; raises ArtifactError.
    """
    app = find_function_sources(stack, settings)
    if app is None:
        return None
    run = run or PackagingRun()
    artifact = builder.build(app.main, run)
    companions = {
        purpose: artifact if source is app.main else builder.build(source, run)
        for purpose, source in app.companions.items()
    }
    return replace(artifact, companions={**artifact.companions, **companions}) if companions else artifact


def find_function_sources(stack: Stack, settings: ComponentSettings) -> FunctionApp | None:
    """Return the sources of the stack's functions; None for a stack without code.

    A WebSocket API that requires tokens has a bundled function that checks them, whatever language its own code is in.
    A site and the images of services are packaged by themselves; without functions, one of them is the main source.
    """
    if not settings.runs_code:
        return None
    site, images = _find_site_source(stack, settings), _find_image_sources(stack, settings)
    if not (settings.answers_requests or settings.functions):
        return FunctionApp(site or next(iter(images.values())), images)
    main = FunctionSource(
        folder=Path(settings.source) if settings.source else None,
        entry=settings.entry or "" if settings.has_main_function else "",
        handler=settings.handler or "" if settings.has_main_function else "",
        runtime=settings.runtime or "",
        provider=stack.provider,
        package=settings.package,
        build=settings.build,
        functions={
            function.name: FunctionCode(function.handler, function.app, function.runtime or "")
            for function in settings.functions
            if function.handler or function.app or settings.source is None
        },
        bundled=_BUNDLED_SERVICES.get(settings.type, _DEFAULT_BUNDLED_SERVICE),
        app=settings.app or "" if settings.has_main_function else "",
        has_messages=settings.uses_messages,
        has_calls=settings.has_internal_calls,
    )
    if settings.type != "websocket" or not settings.requires_token:
        return FunctionApp(main, {**({SITE_PACKAGE: site} if site else {}), **images})
    return FunctionApp(main, {AUTHORIZER_REF: FunctionSource(provider=stack.provider, bundled="websocket_authorizer")})


def _find_site_source(stack: Stack, settings: ComponentSettings) -> FunctionSource | None:
    """Return the source of the stack's static site, None without one."""
    if settings.platform is None or not settings.has_site:
        return None
    site = settings.platform.site
    return FunctionSource(
        folder=Path(site.source), provider=stack.provider, build=site.build, is_site=True, output=site.output
    )


def _find_image_sources(stack: Stack, settings: ComponentSettings) -> Mapping[str, FunctionSource]:
    """Return the sources of the images that are made for services, by their purposes."""
    return {
        service_package(name): FunctionSource(
            folder=Path(service.source),
            provider=stack.provider,
            image=ImageSource(service.start, service.port, service.base),
        )
        for name, service in settings.built_services.items()
    }


BLUEPRINTS: Mapping[str, Callable[[Stack, int, ComponentSettings], Blueprint]] = {
    "rest-api": build_rest_api,
    "websocket": build_websocket,
    **dict.fromkeys(PLATFORM_TYPES, build_platform),
    "account": build_account,
}
"""Functions that build the blueprint of a component, by its type."""


FindVersions = Callable[[], Mapping[str, str]]
"""Returns published versions by the names of functions, empty where none is known."""


def _find_no_versions() -> Mapping[str, str]:
    return {}


def _have_no_records(records: Sequence[str]) -> bool:
    return False


class DeploymentService:
    """Packages, previews and verifies one deployment; raises DeploymentError.

    Without a verifier, one that asks the service once is used; without `have_records`, nobody has set any.
    """

    def __init__(
        self,
        provisioner: Provisioner,
        artifacts: ArtifactBuilder,
        store: ArtifactStore,
        probe: ServiceProbe,
        verifier: ServiceVerifier | None = None,
        have_records: HaveRecords = _have_no_records,
    ) -> None:
        self.provisioner = provisioner
        self._artifacts = artifacts
        self._store = store
        self._probe = probe
        self._verifier = verifier or ServiceVerifier(probe)
        self._have_records = have_records

    def package(self, stack: Stack, settings: ComponentSettings, run: PackagingRun | None = None) -> Artifact | None:
        """Build the package of the stack's functions, None for a stack without code. Blocks.

        Raises ArtifactError, also for a package that could not run where the service is checked.
        """
        artifact = build_package(self._artifacts, stack, settings, run)
        if artifact:
            self._probe.check_package(artifact)
        return artifact

    async def store_package(self, artifact: Artifact) -> None:
        """Put the package and its companions into the store, so that any machine finds them by their digests.

        Raises ArtifactStoreError.
        """
        for package in (artifact, *artifact.companions.values()):
            await asyncio.to_thread(self._store.put, package.digest, package.path)

    async def fetch_package(self, package: PackageBuilt) -> Artifact:
        """Return a recorded package from the store, with its files on this machine.

        Raises ArtifactError where it is missing or damaged, ArtifactStoreError.
        """
        return await asyncio.to_thread(package.to_artifact, self._store.fetch)

    async def plan(  # noqa: PLR0913  # one parameter for each part of the work
        self,
        deployment: str,
        stack: Stack,
        generation: int,
        settings: ComponentSettings,
        artifact: Artifact | None,
        progress: ReportProgress = ignore_progress,
        *,
        refresh: bool = False,
        secret_versions: Mapping[str, str] = _NO_VERSIONS,
        split: TrafficSplit | None = None,
        find_versions: FindVersions = _find_no_versions,
        outputs: StackOutputs = _NO_OUTPUTS,
    ) -> tuple[Work, ChangePlan]:
        """Build the blueprint and preview it; raises ValidationError for a component that has no blueprint.

        `secret_versions` are those of the values that were set in the store of the stack's cloud. With a `split`, the
        version that is live stays so, and the new one gets a share of the traffic. `find_versions` returns the versions
        of functions that run the package already, as far as it is known: where they differ from what runs in nothing
        else, the plan only makes them receive the requests. By the `outputs` of the stack, domains are known that were
        answered before, and records that a person was to set.
        """
        if faults := find_component_faults(settings.type):
            raise ValidationError(f"Cannot deploy '{stack}'.", faults=faults)
        blueprint = BLUEPRINTS[settings.type](stack, generation, settings).with_secret_versions(secret_versions)
        blueprint = split.apply(blueprint) if split else blueprint
        blueprint = blueprint.with_records(await self._find_domains_with_records(blueprint, outputs))
        work = Work(deployment, blueprint, artifact, refresh=refresh)
        plan = await self.provisioner.preview(work, progress)
        if split is None and plan.code and (versions := find_versions()):
            published = replace(work, versions=versions)
            with suppress(DeploymentError):  # a version may be gone, or have been made with other settings
                moved = await self.provisioner.preview(published, progress)
                if moved.only_moves_versions(plan):
                    return published, moved if moved.is_empty else replace(moved, published_code=plan.code)
        return work, plan

    async def _find_domains_with_records(self, blueprint: Blueprint, outputs: StackOutputs) -> Collection[str]:
        """Return the domains that were answered before, or whose listed records are there now."""
        found = set()
        for it in blueprint.domains:
            records = it.find_own_records(outputs)
            if it.is_answered(outputs) or (records and await asyncio.to_thread(self._have_records, records)):
                found.add(it.domain)
        return found

    async def verify(
        self, stack: Stack, settings: ComponentSettings, artifact: Artifact | None, progress: ReportProgress
    ) -> HealthAnswer | None:
        """Check the service's health as a client, if there is one; raises VerificationError if it is not healthy."""
        find = self._artifacts.find_base_path
        base_path = await asyncio.to_thread(find, artifact, stack.provider) if artifact else ""
        return await self._verifier.verify(stack, settings, progress, base_path)


def find_component_faults(component_type: str) -> tuple[Fault, ...]:
    """Return a fault for a type of components without a blueprint."""
    if component_type in BLUEPRINTS:
        return ()
    reason = f"'{component_type}' cannot be deployed yet"
    return (Fault("component", reason, f"Available: {', '.join(BLUEPRINTS)}."),)
