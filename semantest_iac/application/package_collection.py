"""Decides which packages of the store are still needed, and removes the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader, StackRow
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.status import ACTIVE_STATUSES, REMOVAL_KIND, DeploymentStatus
from semantest_iac.domain.instants import format_instant
from semantest_iac.domain.ports.artifact_store import ArtifactStore, StoredPackage

KEPT_DEPLOYMENTS = 5
"""The completed deployments of each stack, newest first, to which a person may want to go back."""

KEPT_AGE = timedelta(days=1)
"""A package is stored before the ledger says what it is for."""


@dataclass(frozen=True, slots=True)
class PackageNeed:
    """Why a package is kept; with the deployment and its stack if it is that of one."""

    why: str
    stack: str = ""
    deployment: str = ""

    def __str__(self) -> str:
        return f"{self.why} of {self.stack}" if self.stack else self.why


@dataclass(frozen=True, slots=True)
class PackageVerdict:
    """A stored package with the reasons to keep it; one without is removed."""

    package: StoredPackage
    needs: tuple[PackageNeed, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the package as `--json` prints it."""
        stored_at = format_instant(self.package.stored_at)
        return {**asdict(self.package), "stored_at": stored_at, "needs": [asdict(need) for need in self.needs]}


@dataclass(slots=True)
class NeededPackages:
    """What the ledger says of packages: by digest, why each is needed, and which it knows at all.

    Unended deployments that have not recorded their package yet may need any that was stored since `open_since`.
    """

    needs: defaultdict[str, list[PackageNeed]] = field(default_factory=lambda: defaultdict(list))
    recorded: set[str] = field(default_factory=set)
    open_since: datetime | None = None


def find_needed_packages(ledger: LedgerReader, kept_deployments: int = KEPT_DEPLOYMENTS) -> NeededPackages:
    """Read from the ledger which packages the stacks run or may go back to; raises LedgerError.

    Those of the last good deployment, of the newest one, of each one that has not ended or may have left its code
    behind, and of the newest completed ones.
    """
    found = NeededPackages()
    for stack in ledger.stacks():
        rows = [row for row in ledger.deployments({stack.stack}) if row.kind != REMOVAL_KIND]
        needed = _find_needed_deployments(stack, rows, kept_deployments)
        decided = set[str]()
        for package in _read_packages(ledger, stack.stack):  # several of a deployment that was resumed
            decided.add(package.deployment_id)
            found.recorded.update(package.digests)
            if why := needed.get(package.deployment_id):
                for digest in package.digests:
                    found.needs[digest].append(PackageNeed(why, stack.stack, package.deployment_id))
        for row in rows:
            if row.state in ACTIVE_STATUSES and row.deployment not in decided:
                since = datetime.fromisoformat(row.requested_at) - KEPT_AGE
                found.open_since = min(since, found.open_since or since)
    return found


def _find_needed_deployments(stack: StackRow, rows: list[DeploymentRow], kept_deployments: int) -> Mapping[str, str]:
    """Return why each deployment of a stack is needed; `rows` are newest first."""
    completed = [row.deployment for row in rows if row.state is DeploymentStatus.COMPLETED]
    unsettled_at = next((row.position for row in rows if row.deployment == stack.unsettled), None)
    needed = dict.fromkeys(completed[:kept_deployments], "completed deployment")
    for row in rows:
        if unsettled_at is not None and row.position >= unsettled_at:
            needed[row.deployment] = "deployment that failed or was interrupted"
        if row.deployment == stack.newest:
            needed[row.deployment] = "newest deployment"
        if row.state in ACTIVE_STATUSES:
            needed[row.deployment] = "deployment that has not ended"
        if row.deployment == stack.last_good:
            needed[row.deployment] = "last good deployment"
    return needed


def _read_packages(ledger: LedgerReader, stack: str) -> Iterator[PackageBuilt]:
    for row in ledger.stream(stack):
        event = decode_event(row) if row.type == PackageBuilt.type_name else None
        if isinstance(event, PackageBuilt):
            yield event


def plan_collection(
    store: ArtifactStore, ledger: LedgerReader, now: datetime, kept_deployments: int = KEPT_DEPLOYMENTS
) -> list[PackageVerdict]:
    """Return a verdict on every stored package; blocks, and raises ArtifactStoreError, LedgerError.

    The store is listed before the ledger is read, so that no package of a later request is judged.
    """
    stored = store.list_packages()
    needed = find_needed_packages(ledger, kept_deployments)
    return [PackageVerdict(package, tuple(dict.fromkeys(_find_needs(package, needed, now)))) for package in stored]


def _find_needs(package: StoredPackage, needed: NeededPackages, now: datetime) -> Iterator[PackageNeed]:
    yield from needed.needs.get(package.digest, ())
    if now - package.stored_at < KEPT_AGE:
        yield PackageNeed("stored within the last day")
    if needed.open_since is not None and package.stored_at >= needed.open_since:
        yield PackageNeed("stored since the request of a deployment that has not ended")
    if package.is_shared and package.digest not in needed.recorded:
        yield PackageNeed("not recorded in this ledger, so perhaps in another one")


def collect_packages(
    store: ArtifactStore, ledger: LedgerReader, now: datetime, kept_deployments: int = KEPT_DEPLOYMENTS
) -> list[PackageVerdict]:
    """Remove the packages without a need and return the verdicts on all; blocks, and raises as `plan_collection`."""
    verdicts = plan_collection(store, ledger, now, kept_deployments)
    for verdict in verdicts:
        if not verdict.needs:
            store.delete(verdict.package.digest)
    return verdicts
