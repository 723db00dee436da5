"""One home folder with one stack: commands that change it, and what can be seen of it afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from semantest_iac.application.deployment.traffic.traffic_shifting import VersionReturnedError
from semantest_iac.application.ports.ledger import DeploymentRow, RecordedEvent
from semantest_iac.application.queries.history import find_owning_engine, read_status
from semantest_iac.application.queries.projection import deployment_id_of
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import INTERRUPTED, TERMINAL_STATUSES, DeploymentStatus, find_next_status
from semantest_iac.domain.errors import InvalidStateError, LedgerError, VerificationError
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SIMULATED_CLOUD, EngineChoice
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.domain.ports.service_probe import ServiceProbe
from semantest_iac.infrastructure.home_manifest import HomeManifest
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import SIMULATED_ACCOUNT
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import SIMULATED_SUBSCRIPTION
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import (
    Inventory,
    InventoryTransaction,
    StoredResource,
)
from semantest_iac.presentation.cli.execution import run_interruptible
from semantest_iac.presentation.cli.terminal import Terminal
from tests.campaigns.interruption_points import ReportMoment
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe
from tests.fakes.timer import FakeTimer

DESTROY, WAY_BACK = "destroy", "way-back"
CANARY, RETURNED_CANARY = "canary", "returned-canary"
ROLLBACK, OTHER_CODE = "rollback", "other-code"
VERSIONS = {
    "v1": "v1",
    "v2": "v2",
    WAY_BACK: "v2",
    CANARY: CANARY,
    RETURNED_CANARY: CANARY,
    OTHER_CODE: OTHER_CODE,
}
"""What each deployment deploys: that of the way back is found unhealthy, and rolled back."""
REGIONS = {"aws": "us-east-1", "azure": "eastus"}
_VARIABLES = {f"SEMANTEST_SECRET_{name}": f"the value of {name}" for name in ("FIRST", "SECOND", "JWT_SECRET")}
_PYTHON_SOURCE = 'def handler(event, context):\n    return {{"statusCode": 200, "body": "{version}"}}\n'
_AFTER_FAILED_CHECKS = (DeploymentStatus.ROLLED_BACK, DeploymentStatus.FAILED)  # failed where nothing was changed
_FAILED_TRIES = 100
_GENERATED = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z|(?=[A-Za-z]*[0-9])[A-Za-z0-9]{6,}"
)
_WORD = re.compile(r"[A-Za-z0-9]+")
_LONGEST_PLAIN = 16  # letters: a name with a generated end may have no digit in it
_LONGEST_CHAIN = 2  # of mentions, at the end of which two resources differ: a part of a container of an account
_SQLITE_LOGS = ("-wal", "-shm")
_ROLE = re.compile(r"roleDefinitions/[0-9a-f-]+")  # the clouds' own names, the same everywhere


@dataclass(frozen=True, slots=True)
class Target:
    """What is deployed, by which engine, to which simulated cloud."""

    engine: str
    cloud: str
    component: str
    environment: str = "development"

    def __str__(self) -> str:
        return f"{self.component} on {self.cloud} with {self.engine}"

    @property
    def stack(self) -> Stack:
        return Stack(self.component, self.cloud, self.environment, REGIONS[self.cloud])


def write_sources(folder: Path) -> None:
    """Write the source of each version."""
    for version in ("v1", "v2"):
        (folder / version).mkdir(parents=True)
        (folder / version / "app.py").write_text(_PYTHON_SOURCE.format(version=version))


def configuration_of(version: str, component: str, sources: Path) -> dict[str, Any]:
    """The configuration of a version; the second has other code and settings, a secret more and fewer alarms.

    That with other code has the settings of the first and the code of the second.
    """
    environment = {"COLOUR": "blue", "FIRST": "${secrets.first}", "AUTHENTICATION_REQUIRED": "false"}
    section = {"source": str(sources / version), "handler": "app.handler", "runtime": "python3.13", "memory": 512}
    if version == OTHER_CODE:
        section["source"] = str(sources / "v2")
    if version in ("v1", OTHER_CODE):
        return {"components": {component: {**section, "environment": environment}}}
    if version == CANARY:  # of functions alone
        canary = {"steps": [10, 50], "bake_s": 1}
        changed = {"source": str(sources / "v2"), "environment": environment | {"COLOUR": "green"}, "canary": canary}
        return {"components": {component: section | changed}}
    environment |= {"COLOUR": "green", "SECOND": "${secrets.second}"}
    alerts = [{"type": "error_rate", "threshold": 0.02}, {"type": "latency", "threshold": 800}]
    return {
        "components": {component: {**section, "environment": environment, "memory": 1024, "timeout": 20}},
        "monitoring": {"alerts": alerts, "log_retention_days": 30},
        "features": {"tracing": True},
    }


class WatchedLedger(SqliteLedger):
    """Reports every commit of events, also those of a run and of the queue."""

    def __init__(self, path: Path, report: ReportMoment) -> None:
        super().__init__(path, manifest=HomeManifest(path.parent))
        note_in_home = self.note_committed

        def note_and_report(recorded: Sequence[RecordedEvent]) -> None:
            note_in_home(recorded)
            report("event")

        self.note_committed = note_and_report


def ignore_moment(moment: str) -> None:
    """Neither count nor interrupt."""


class InterruptedHome:
    """A home folder and the stack in it, whose service is healthy."""

    def __init__(self, folder: Path, target: Target, sources: Path) -> None:
        self.folder = folder
        self.stack = target.stack
        self.engine = EngineChoice(target.engine, SIMULATED_CLOUD)
        self._sources = sources
        self.variables = _VARIABLES
        self._is_healthy = True

    def run(self, command: str, report: ReportMoment = ignore_moment) -> DeploymentRow | None:
        """Run `destroy` or a deployment of VERSIONS as the command line does; None if it was terminated.

        A deployment that needs an operator is resolved first.
        """
        if holder := self.open_ledger().stack(str(self.stack)).held_by:
            asyncio.run(self._use_cases(ignore_moment).resolve(holder, by="the campaign"))
        self._is_healthy = command != WAY_BACK
        deployments = self._use_cases(report)
        if command == DESTROY:
            running = deployments.destroy(self.stack)
        else:
            running = deployments.deploy(self.stack, self.configuration_of(command))
        with suppress(KeyboardInterrupt), Path(os.devnull).open("w") as nowhere:
            return run_interruptible(running, Terminal(nowhere, nowhere))
        return None

    def observe(self, row: DeploymentRow) -> dict[str, Any]:
        """What a person, a program or the next command can see after a command that ended with this row."""
        ledger = self.open_ledger()
        stack = ledger.stack(str(self.stack))
        return {
            "state": str(row.state),
            "error": dict(row.error or {}),
            "outputs": dict(row.outputs),
            "endpoint": row.endpoint,
            "stack": {
                "generation": stack.generation,
                "engine": str(find_owning_engine(ledger, str(self.stack))),
                "is settled": stack.unsettled is None,
                "is live": stack.last_good == row.deployment,
                "outputs": dict(stack.outputs),
                "endpoint": stack.endpoint,
            },
            "cloud": self._list_cloud(),
            "ids": sorted(self._list_generated_names()),
            "ledger": list(find_ledger_faults(ledger)),
            "files": sorted(self._list_files()),
        }

    def _list_generated_names(self) -> set[str]:
        """The ids of the resources, and of the deployments of an API: these may have no digit that gives them away."""
        rows = self._list_cloud()
        return {row[2] for row in rows} | {str((row[5] or {}).get("deploymentId", "")) for row in rows}

    def look(self, command: str) -> None:
        """Run `status`, or `preview` of the second version: neither changes anything."""
        if command == "status":
            read_status(self.open_ledger())
        else:
            self._preview("v2")

    def find_disagreements(self, version: str | None) -> list[str]:
        """List what the ledger, the state and the cloud disagree on if this version is deployed, or nothing is."""
        found = list(find_ledger_faults(self.open_ledger()))
        if version is None:
            found += [f"left in the cloud: {row[0]} {row[2]}" for row in self._list_cloud()]
            return found
        plan = self._preview(version)
        found += [f"{change.op} {change.name} is still to be done" for change in plan.mutations]
        return found + [f"{change.op} {change.name} was changed in the cloud" for change in plan.drift]

    def list_files(self) -> list[str]:
        """List the files of the home without generated names."""
        return sorted(self._list_files())

    def _preview(self, version: str) -> ChangePlan:
        deployments = self._use_cases(ignore_moment)
        previewing = deployments.preview(self.stack, self.configuration_of(version), refresh=True)
        return asyncio.run(previewing).plan

    def configuration_of(self, command: str) -> dict[str, Any]:
        """Return the configuration that a command deploys."""
        return configuration_of(VERSIONS[command], self.stack.component, self._sources)

    def has_unowned_resources(self) -> bool:
        """Whether there are resources in the cloud that belong to no engine by the ledger."""
        return bool(self._list_cloud()) and self.open_ledger().stack(str(self.stack)).owner is None

    def _use_cases(self, report: ReportMoment) -> DeploymentUseCase:
        probe = FakeServiceProbe(ControlPoints())
        application = self.open_application(report, probe)
        if not self._is_healthy:
            probe.answers = [500] * _FAILED_TRIES

        def progress(each: ResourceProgress) -> None:
            if each.op == "rollback":  # the version before is healthy
                probe.answers = []
            report("operation")

        return application.deployments(self.variables, engine=self.engine, progress=progress)

    def open_application(self, report: ReportMoment, probe: ServiceProbe) -> Application:
        """Return the application of this home, which reports what it commits."""
        ledger = WatchedLedger(self.folder / "ledger.db", report)
        return Application(self.folder, ledger=ledger, probe=probe, timer=FakeTimer())

    def open_ledger(self) -> SqlLedger:
        """Return the ledger for readers."""
        return SqliteLedger(self.folder / "ledger.db", manifest=HomeManifest(self.folder))

    def list_resources(self) -> list[StoredResource]:
        """Everything in the cloud."""
        return list_inventory(self._cloud_file)

    @property
    def _cloud_file(self) -> Path:
        return self.folder / ("pulumi" if self.engine.engine == PULUMI_ENGINE else "") / "cloud.db"

    def _list_cloud(self) -> list[list[Any]]:
        """Everything in the cloud, in an order that does not depend on generated names."""
        file = self._cloud_file
        if not file.exists():
            return []
        with _open_inventory(file) as reader:
            rows = _list_resources(reader)
            listed = [_to_list(row, reader.code_digest(row.address)) for row in rows]
        named: list[list[Any]] = json.loads(self._name_packages(json.dumps(order_resources(listed))))
        return named

    def _name_packages(self, text: str) -> str:
        """Replace each digest of a package by what its code says, so that none is taken for a generated name."""
        for package in (self.folder / "artifacts").glob("*.zip"):
            digest = bytes.fromhex(package.stem)
            with ZipFile(package) as archive:
                source = next(name for name in archive.namelist() if name.endswith("app.py"))
                version = "code of v1" if b"v1" in archive.read(source) else "code of v2"
            for written in (package.stem, b64encode(digest).decode()):
                text = text.replace(written, version)
        return text

    def _list_files(self) -> set[str]:
        """SQLite itself removes its log with the last connection, which a process that ends need not close."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.name.endswith(_SQLITE_LOGS))
        return {mask_generated(str(path.relative_to(self.folder))) for path in files}


@contextmanager
def _open_inventory(file: Path) -> Iterator[InventoryTransaction]:
    inventory = Inventory(file)
    try:
        with inventory.read_without_transaction() as reader:
            yield reader
    finally:
        inventory.close()


def list_inventory(file: Path) -> list[StoredResource]:
    """Return everything in the simulated clouds of a file."""
    if not file.exists():
        return []
    with _open_inventory(file) as reader:
        return _list_resources(reader)


def _list_resources(reader: InventoryTransaction) -> list[StoredResource]:
    return [row for account in (SIMULATED_ACCOUNT, SIMULATED_SUBSCRIPTION) for row in reader.list_all(account)]


def find_ledger_faults(ledger: SqlLedger) -> Iterator[str]:
    """Whatever contradicts the promise: no faults of the chain, and each request completed unless interrupted or
    unhealthy."""
    yield from find_chain_faults(ledger)
    for row in ledger.deployments():
        code = (row.error or {}).get("code")
        was_interrupted = code == INTERRUPTED or row.state in (DeploymentStatus.CANCELLED, DeploymentStatus.SUPERSEDED)
        was_unhealthy = row.state in _AFTER_FAILED_CHECKS and code in (
            VerificationError.code,
            VersionReturnedError.code,
        )
        if row.state is not DeploymentStatus.COMPLETED and not (was_interrupted or was_unhealthy):
            yield f"a {row.kind} ended as {row.state}: {row.error}"


def find_chain_faults(ledger: SqlLedger) -> Iterator[str]:
    """Whatever is no intact chain of legal transitions with one ending for each request."""
    try:
        ledger.verify()
        states: dict[str, DeploymentStatus] = {}
        for recorded in ledger.log():
            id_, step = deployment_id_of(recorded.event), recorded.event["data"].get("step") or ""
            if id_ is None:  # an event about an environment
                continue
            states[id_] = find_next_status(states.get(id_), recorded.type, step)
    except (LedgerError, InvalidStateError) as error:
        yield str(error)
        return
    yield from (f"a deployment is still {state}" for state in states.values() if state not in TERMINAL_STATUSES)


def order_resources(rows: Sequence[list[Any]]) -> list[list[Any]]:
    """Return the rows of resources in an order that does not depend on generated names.

    Those that differ by such names alone, as two accounts do, are told apart by what they mention and what mentions
    them.
    """
    texts = [json.dumps(row, sort_keys=True) for row in rows]
    ids = {str(row[2]) for row in rows}
    keys: list[tuple[Any, ...]] = [
        (row[0], tuple(_ROLE.findall(text)), mask_generated(text, ids)) for row, text in zip(rows, texts, strict=True)
    ]
    names = [str(row[2]).rpartition("/")[2] for row in rows]
    mentions = [(one, other) for one, text in enumerate(texts) for other, name in enumerate(names) if name in text]
    for _ in range(_LONGEST_CHAIN):
        ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
        neighbours: list[list[tuple[str, int]]] = [[] for _ in rows]
        for one, other in mentions:
            neighbours[one].append(("mentions", ranks[keys[other]]))
            neighbours[other].append(("is mentioned by", ranks[keys[one]]))
        keys = [(ranks[key], tuple(sorted(found))) for key, found in zip(keys, neighbours, strict=True)]
    return [rows[number] for number in sorted(range(len(rows)), key=lambda number: keys[number])]


def _to_list(row: StoredResource, code: str) -> list[Any]:
    return [row.address.type, row.address.region, row.id, code, row.inputs, row.outputs]


def mask_generated(text: str, ids: frozenset[str] | set[str] = frozenset()) -> str:
    """Replace what looks generated by a star."""
    masked = _GENERATED.sub("*", text)
    return _WORD.sub(lambda word: "*" if word[0] in ids or len(word[0]) >= _LONGEST_PLAIN else word[0], masked)
