"""Publishes code to clouds that take it separately from the resource that runs it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.provisioner import Deferred, ReportProgress, ResourceProgress, Work
from semantest_iac.domain.resource import DeployedResource, Resource

SendRequest = Callable[[str, HttpRequest], HttpResponse]
"""One request to an origin (`https://host`); blocks, and raises OSError where nobody answers."""

ResourceKind = type[Resource]
AppOutputs = Mapping[str, Any]

PACKAGE_TAG = "Package"
"""The digest of the package that a resource is to run: it is published beside the program, and shows in every plan."""


class RequestCancelledError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """The way to the services of a cloud: `token` proves who asks, `wait` lets so many seconds pass."""

    send: SendRequest
    token: Callable[[], str]
    wait: Callable[[float], None]

    def until(self, is_over: threading.Event) -> ServiceClient:
        """The same until then: who sends on it afterwards is stopped."""

        def send(origin: str, request: HttpRequest) -> HttpResponse:
            if is_over.is_set():
                raise RequestCancelledError
            return self.send(origin, request)

        return replace(self, send=send)


@dataclass(frozen=True, slots=True)
class PublishingMethod:
    """How one cloud does it: `running` gives the digest of what the resource runs, as the cloud itself says.

    `publish` returns when the package runs; it raises ProviderError, and may be repeated at any time. `awaited_by`:
    the kinds of which the cloud makes a resource of this type, but only once code runs.
    """

    type: str
    running: Callable[[AppOutputs, ServiceClient], str]
    publish: Callable[[AppOutputs, Artifact, ServiceClient], None]
    line: Callable[[], ServiceClient]
    awaited_by: Mapping[ResourceKind, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CodePublisher:
    """Brings the packages of one stack over one line."""

    push: PublishingMethod
    line: ServiceClient

    def misses(self, resources: Iterable[DeployedResource], artifact: Artifact | None, plan: ChangePlan) -> bool:
        """Whether anything is to run a package and does not; what is yet to be made, or made anew, does not."""
        if artifact is None:
            return False
        is_new = any(it.type == self.push.type and it.op in ("create", "replace") for it in plan.resources)
        running = {self.push.running(app.outputs, self.line) for app in self._takers(resources)}
        return is_new or (bool(running) and running != _packages_by_digest(artifact).keys())

    def held(self, work: Work, resources: Iterable[DeployedResource]) -> Deferred:
        """How much of the work must wait for code that nobody has published yet."""
        kinds, known = {type(resource) for resource in work.blueprint.resources}, list(resources)
        awaiting = {type_ for kind, type_ in self.push.awaited_by.items() if kind in kinds}
        if not awaiting <= {resource.type for resource in known}:
            return Deferred.ALL
        return Deferred.CHANGES if awaiting and self._lacks_some(work.artifact, known) else Deferred.NOTHING

    def _lacks_some(self, artifact: Artifact | None, resources: Iterable[DeployedResource]) -> bool:
        """Whether fewer run code than there are to be; which code does not matter."""
        running = [app for app in self._takers(resources) if self.push.running(app.outputs, self.line)]
        return artifact is not None and len(running) < len(_packages_by_digest(artifact))

    def asked(self, resources: Iterable[DeployedResource]) -> list[DeployedResource]:
        """The same, those that run code with the digest of what they run."""
        return [self._asked(it) if it.type == self.push.type else it for it in resources]

    def _asked(self, app: DeployedResource) -> DeployedResource:
        return replace(app, code=self.push.running(app.outputs, self.line))

    async def brought(
        self, resources: Iterable[DeployedResource], artifact: Artifact, progress: ReportProgress
    ) -> None:
        """Publish in a thread; whoever calls it off waits for the request under way, and no other begins."""
        is_over = threading.Event()
        courier = replace(self, line=self.line.until(is_over))
        working = asyncio.ensure_future(asyncio.to_thread(courier.bring, resources, artifact, progress))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            is_over.set()
            await asyncio.wait([working])
            working.exception()  # seen: the cancellation says why
            raise

    def bring(self, resources: Iterable[DeployedResource], artifact: Artifact, progress: ReportProgress) -> None:
        """Publish to each that does not run it yet the package that it is to run."""
        packages = _packages_by_digest(artifact)
        for app in self._takers(resources):
            package = packages.get((app.outputs.get("tags") or {}).get(PACKAGE_TAG, ""), artifact)
            if self.push.running(app.outputs, self.line) != package.digest:
                with _report_publishing(app, progress):
                    self.push.publish(app.outputs, package, self.line)

    def _takers(self, resources: Iterable[DeployedResource]) -> Iterator[DeployedResource]:
        return (resource for resource in resources if resource.type == self.push.type)


def _packages_by_digest(artifact: Artifact) -> Mapping[str, Artifact]:
    """All that a stack runs, by digest."""
    return {package.digest: package for package in (artifact, *artifact.companions.values())}


@contextmanager
def _report_publishing(app: DeployedResource, progress: ReportProgress) -> Iterator[None]:
    began, state = time.monotonic(), "failed"
    progress(ResourceProgress(app.urn, app.type, app.name, "publish", "running"))
    try:
        yield
        state = "done"
    finally:
        progress(ResourceProgress(app.urn, app.type, app.name, "publish", state, time.monotonic() - began))
