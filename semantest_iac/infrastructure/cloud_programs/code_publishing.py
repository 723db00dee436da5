"""Publishes code to clouds that take it separately from the resource that runs it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.domain.compute.containers import IMAGE_RUNTIME
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.change_plan import ChangePlan, CodeChange
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.networking.sites import SITE_RUNTIME
from semantest_iac.domain.ports.provisioner import ApplyResult, Deferred, ReportProgress, ResourceProgress, Work
from semantest_iac.domain.resource import DeployedResource, Resource

SendRequest = Callable[[str, HttpRequest], HttpResponse]
"""Sends one request to an origin (`https://host`); blocks, and raises OSError if there is no response."""

ResourceKind = type[Resource]
AppOutputs = Mapping[str, Any]

RETRYABLE_STATUSES = (409, 429, 500, 502, 503, 504)
PACKAGE_TAG = "Package"
"""The tag with the digest of the package that a resource must run: it shows every new package in the plan."""


class RequestCancelledError(Exception):
    """The publishing was cancelled, so the request is not sent."""


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """A client of a cloud's services: `token` authorizes requests, `wait` waits that many seconds."""

    send: SendRequest
    token: Callable[[], str]
    wait: Callable[[float], None]

    def ask(self, origin: str, request: HttpRequest) -> HttpResponse:
        """Return the response; a connection error is a 503, which may be retried."""
        try:
            return self.send(origin, request)
        except OSError as error:
            return HttpResponse(503, body=str(getattr(error, "reason", None) or error).encode())

    def cancelled_by(self, cancelled: threading.Event) -> ServiceClient:
        """Return a client that raises RequestCancelledError once the event is set."""

        def send(origin: str, request: HttpRequest) -> HttpResponse:
            if cancelled.is_set():
                raise RequestCancelledError
            return self.send(origin, request)

        return replace(self, send=send)


@dataclass(frozen=True, slots=True)
class PublishingMethod:
    """How one cloud takes code: `running_digest` returns the digest of the code that an app runs, as the cloud says.

    `publish` returns when the package runs; it raises ProviderError, and may be repeated at any time. `deferred_types`:
    the kinds for which the cloud creates a resource of the given type only once code runs. `canary_app` is the name of
    the app that runs a new version beside the live one, if the cloud has no versions of an app. `takes` tells which
    packages of a stack are for such apps. With `publishes_settings`, each change of an app is published too.
    """

    app_type: str
    running_digest: Callable[[AppOutputs, ServiceClient], str]
    publish: Callable[[AppOutputs, Artifact, ServiceClient], None]
    create_client: Callable[[], ServiceClient]
    deferred_types: Mapping[ResourceKind, str] = field(default_factory=dict)
    canary_app: str = ""
    publishes_settings: bool = False
    takes: Callable[[Artifact], bool] = lambda package: package.runtime not in (SITE_RUNTIME, IMAGE_RUNTIME)


@dataclass(frozen=True, slots=True)
class CodePublisher:
    """Publishes the packages of one stack; `beside` are those that publish to apps of other types."""

    method: PublishingMethod
    client: ServiceClient
    beside: tuple[CodePublisher, ...] = ()

    def plan_publishing(
        self, resources: Iterable[DeployedResource], artifact: Artifact | None, plan: ChangePlan
    ) -> ChangePlan:
        """Return the plan with what must be published: an app may run another package, a new one runs none."""
        if artifact is None:
            return plan
        resources = list(resources)
        own = self._plan_own_publishing(resources, artifact, plan)
        for other in self.beside:
            its = other.plan_publishing(resources, artifact, plan)
            published = own.published_code or its.published_code
            own = replace(own, lacks_code=own.lacks_code or its.lacks_code, published_code=published)
        return own

    def _plan_own_publishing(
        self, resources: Iterable[DeployedResource], artifact: Artifact, plan: ChangePlan
    ) -> ChangePlan:
        written = ("create", "replace", *(("update",) if self.method.publishes_settings else ()))
        is_new = any(it.type == self.method.app_type and it.op in written for it in plan.resources)
        wanted, operations = self._packages(artifact).keys(), {it.urn: it.op for it in plan.resources}
        apps = [app for app in self._apps(resources) if not _is_left_alone(app, operations.get(app.urn, ""), wanted)]
        running = {self.method.running_digest(_with_id(app), self.client) for app in apps}
        lacks_code = is_new or (bool(running) and running != wanted)
        return replace(plan, lacks_code=lacks_code, published_code=_find_code_change(running, wanted, artifact))

    def decide_deferral(self, work: Work, resources: Iterable[DeployedResource]) -> Deferred:
        """Return how much of the work must wait until code is published."""
        kinds, deployed = {type(resource) for resource in work.blueprint.resources}, list(resources)
        awaiting = {type_ for kind, type_ in self.method.deferred_types.items() if kind in kinds}
        if not awaiting <= {resource.type for resource in deployed}:
            return Deferred.ALL
        if self._defers_traffic(work, deployed):
            return Deferred.TRAFFIC
        return Deferred.CHANGES if awaiting and self._some_run_no_code(work.artifact, deployed) else Deferred.NOTHING

    def _defers_traffic(self, work: Work, resources: Iterable[DeployedResource]) -> bool:
        """Whether the app that is to receive requests does not run its code yet: the new version's, then the one live.

        Of the second one that holds only while the new version's app runs the wanted code: any other is on its way out.
        """
        if not self.method.canary_app or work.artifact is None:
            return False
        wanted = self._packages(work.artifact).keys()
        if any(isinstance(it, LiveVersion) and it.version and it.new_share for it in work.blueprint.resources):
            canary = [app for app in self._apps(resources) if app.name == self.method.canary_app]
            return not any(self.method.running_digest(_with_id(app), self.client) in wanted for app in canary)
        running = {app.name: app for app in self._apps(resources)}
        canary_app = running.pop(self.method.canary_app, None)
        if canary_app is None or self.method.running_digest(_with_id(canary_app), self.client) not in wanted:
            return False
        return any(self.method.running_digest(_with_id(app), self.client) not in wanted for app in running.values())

    def _some_run_no_code(self, artifact: Artifact | None, resources: Iterable[DeployedResource]) -> bool:
        """Whether fewer apps run code than the stack has packages, whatever code they run."""
        running = [app for app in self._apps(resources) if self.method.running_digest(_with_id(app), self.client)]
        return artifact is not None and len(running) < len(self._packages(artifact))

    def with_running_code(self, resources: Iterable[DeployedResource]) -> list[DeployedResource]:
        """Return the resources, with the digest of the running code for each app."""
        found = [self._with_running_code(it) if it.type == self.method.app_type else it for it in resources]
        for other in self.beside:
            found = other.with_running_code(found)
        return found

    def _with_running_code(self, app: DeployedResource) -> DeployedResource:
        return replace(app, code=self.method.running_digest(_with_id(app), self.client))

    async def publish_work(
        self,
        work: Work,
        resources: Sequence[DeployedResource],
        applied: ApplyResult,
        apply_deferred: Callable[[], Awaitable[ApplyResult]],
        progress: ReportProgress,
    ) -> ApplyResult:
        """Publish the package of the work, then apply what was deferred; returns `applied` where nothing was."""
        if work.artifact is None:
            return applied
        deferred = await asyncio.to_thread(self.decide_deferral, work, resources)
        await self.publish_in_thread(resources, work.artifact, progress)
        return applied.then(await apply_deferred()) if deferred else applied

    async def publish_in_thread(
        self, resources: Iterable[DeployedResource], artifact: Artifact, progress: ReportProgress
    ) -> None:
        """Publish in a thread; on cancellation, wait for the current request and start no other."""
        cancelled = threading.Event()
        publisher = self._cancelled_by(cancelled)
        future = asyncio.ensure_future(asyncio.to_thread(publisher.publish, resources, artifact, progress))
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.wait([future])
            future.exception()  # retrieved, so that asyncio does not log it: the cancellation is raised instead
            raise

    def publish(self, resources: Iterable[DeployedResource], artifact: Artifact, progress: ReportProgress) -> None:
        """Publish to each app the package that it must run and does not run yet; another one stays."""
        resources, packages = list(resources), self._packages(artifact)
        for app in self._apps(resources):
            package = packages.get(_package_tag(app) or artifact.digest)
            if package and self.method.running_digest(_with_id(app), self.client) != package.digest:
                with _report_publishing(app, progress):
                    self.method.publish(_with_id(app), package, self.client)
        for other in self.beside:
            other.publish(resources, artifact, progress)

    def _cancelled_by(self, cancelled: threading.Event) -> CodePublisher:
        beside = tuple(it._cancelled_by(cancelled) for it in self.beside)
        return replace(self, client=self.client.cancelled_by(cancelled), beside=beside)

    def _packages(self, artifact: Artifact) -> Mapping[str, Artifact]:
        """Return the packages for apps of this type by their digests."""
        packages = (artifact, *artifact.companions.values())
        return {package.digest: package for package in packages if self.method.takes(package)}

    def _apps(self, resources: Iterable[DeployedResource]) -> Iterator[DeployedResource]:
        return (resource for resource in resources if resource.type == self.method.app_type)


def publishing_error(provider: str, what: str, app: AppOutputs, reason: str, hint: str) -> ProviderError:
    """Return the error of code that an app did not take."""
    return ProviderError(
        f"Cannot publish {what} to '{app['name']}': {reason.rstrip('.')}.",
        "PUBLISH_FAILED",
        provider=provider,
        resource=str(app.get("id") or app["name"]),
        hint=hint,
    )


def _with_id(app: DeployedResource) -> AppOutputs:
    """Return the outputs of an app with its id, which an engine keeps beside them."""
    return {"id": app.id, **app.outputs}


def _package_tag(app: DeployedResource) -> str:
    return str((app.outputs.get("tags") or {}).get(PACKAGE_TAG, ""))


def _is_left_alone(app: DeployedResource, operation: str, wanted: Set[str]) -> bool:
    """Whether a plan deletes an app, or leaves it as it is with a package that is none of the wanted."""
    tag = _package_tag(app)
    return operation == "delete" or (operation == "same" and bool(tag) and tag not in wanted)


def _find_code_change(running: Set[str], wanted: Set[str], artifact: Artifact) -> CodeChange | None:
    """Return the change of the main package, or of another one if only that changes; None if no old code runs."""
    old, new = sorted(running - wanted - {""}), sorted(wanted - running)
    if not (old and new):
        return None
    return CodeChange(old[0], artifact.digest if artifact.digest in new else new[0])


@contextmanager
def _report_publishing(app: DeployedResource, progress: ReportProgress) -> Iterator[None]:
    started, state = time.monotonic(), "failed"
    progress(ResourceProgress(app.urn, app.type, app.name, "publish", "running"))
    try:
        yield
        state = "done"
    finally:
        progress(ResourceProgress(app.urn, app.type, app.name, "publish", state, time.monotonic() - started))
