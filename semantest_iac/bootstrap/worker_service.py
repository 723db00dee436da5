"""A worker service, joined from the worker and what runs beside it."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from semantest_iac.application.worker_health import RunCheck, WorkerHealth
from semantest_iac.application.worker_service import WorkerService, WorkerSettings
from semantest_iac.bootstrap.deployments import ApplicationParts, WorkerViews
from semantest_iac.domain.errors import ArtifactError

if TYPE_CHECKING:
    from semantest_iac.application.message_bus import Observer
    from semantest_iac.application.worker import ReportRun, Worker
    from semantest_iac.domain.ports.artifact_store import ArtifactStore

_NO_PACKAGE = "0" * 64
"""A digest that no package has: a store that says so answers, without listing what it has."""


class WorkerParts(ApplicationParts, Protocol):
    """The application, as far as a worker process uses it."""

    def worker(self, variables: Mapping[str, str], views: WorkerViews | None = ...) -> Worker: ...


@asynccontextmanager
async def open_worker_service(
    application: WorkerParts,
    variables: Mapping[str, str],
    settings: WorkerSettings,
    observer: Observer,
    report_run: ReportRun,
) -> AsyncIterator[WorkerService]:
    """Yield a worker service; raises RefusedError where it cannot answer health checks as it should."""
    worker = application.worker(variables, WorkerViews([observer], report_run))
    health = WorkerHealth(worker, _list_checks(application))
    async with AsyncExitStack() as exits:
        url = None
        if settings.health_address:
            from semantest_iac.presentation.health.server import HealthAddress, serve_health

            address = HealthAddress(*settings.health_address, settings.is_remote_health_allowed)
            url = await exits.enter_async_context(serve_health(health, address))
        yield WorkerService(worker, health, health_url=url)


def _list_checks(application: ApplicationParts) -> Mapping[str, RunCheck]:
    async def check_ledger() -> None:
        await to_thread(application.ledger.head)

    return {
        "ledger": check_ledger,
        "queue": application.run_queue.require_usable,
        "disk": partial(to_thread, application.stack_locks.require_room),
        "packages": partial(to_thread, _require_package_store, application.artifact_store),
    }


def _require_package_store(store: ArtifactStore) -> None:
    """Raise ArtifactStoreError where the store does not answer."""
    try:
        store.fetch(_NO_PACKAGE)
    except ArtifactError:
        return
