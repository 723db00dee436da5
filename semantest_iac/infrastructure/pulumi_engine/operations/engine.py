"""The Provisioner port on Pulumi's engine; each operation runs in a worker process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan, trace_causes
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    Deferred,
    PublishSettled,
    Removal,
    ReportProgress,
    ResourceProgress,
    SettledResource,
    Work,
)
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.cloud_programs.code_publishing import CodePublisher
from semantest_iac.infrastructure.pulumi_engine.operations.outcomes import (
    FindCreatedResource,
    recover_pending_creates,
    require_done,
)
from semantest_iac.infrastructure.pulumi_engine.operations.supervisor import EngineProcessSupervisor, OnMessage
from semantest_iac.infrastructure.pulumi_engine.state.states import (
    StackState,
    contains_encrypted_value,
    read_state_file,
)
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import ExpectedChanges, Operation
from semantest_iac_events.values import ChangeCounts, ResourceChange

FindCodePublisher = Callable[[Stack], CodePublisher | None]
"""Who brings packages to a stack; None where its program carries them."""


def real_code_publisher(stack: Stack) -> CodePublisher | None:
    """With the login of whoever deploys, asked for at the first request."""
    method = find_cloud(stack.provider).publishing
    return CodePublisher(method, method.create_client()) if method else None


@dataclass(frozen=True, slots=True)
class CodeDelivery:
    """A stack's state and publisher, each created once: reading a state may start the CLI, every publisher logs in."""

    publisher: CodePublisher
    state: StackState

    async def held(self, work: Work) -> Deferred:
        """How much of the work must wait for code."""
        return await asyncio.to_thread(self.publisher.find_deferred, work, self._resources)

    async def misses(self, work: Work, plan: ChangePlan) -> bool:
        """Whether anything is to run a package and does not."""
        return await asyncio.to_thread(self.publisher.needs_publishing, self._resources, work.artifact, plan)

    async def brought(self, artifact: Artifact, progress: ReportProgress) -> None:
        """The package runs."""
        await self.publisher.publish_in_thread(self._resources, artifact, progress)

    @property
    def _resources(self) -> list[DeployedResource]:
        """The living, what is sealed left sealed: where an app answers is no secret."""
        return [
            DeployedResource(it["type"], str(it["urn"]).rpartition("::")[2], it.get("outputs") or {}, urn=it["urn"])
            for it in self.state.living
        ]


class PulumiEngine:
    """Runs the real programs with Pulumi's CLI; one run of a stack at a time is the caller's business.

    `search` looks in the cloud for what a killed run had begun to create; without it that is a person's to judge.
    `publisher` brings packages where programs do not carry them; without another it is that of the real cloud.
    """

    def __init__(
        self,
        children: EngineProcessSupervisor,
        search: FindCreatedResource | None = None,
        publisher: FindCodePublisher = real_code_publisher,
    ) -> None:
        self._children = children
        self._search = search
        self._publisher = publisher
        self._previewed: dict[Stack, _PreviewResult] = {}

    async def preview(self, work: Work) -> ChangePlan:
        """What apply would do; makes an empty stack in the backend where there is none."""
        stack = work.blueprint.stack
        done = await self._done(Operation("preview", stack, work))
        plan, held, publisher = _to_plan(done), Deferred.NOTHING, self._publisher(stack)
        if publisher:
            delivery = CodeDelivery(publisher, StackState(done["state"]))
            held = await delivery.held(work)
            plan = replace(plan, lacks_code=bool(held) or await delivery.misses(work, plan))
        self._previewed[stack] = _PreviewResult(plan, done["fingerprint"], held)
        return plan

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Do what was planned: a plan that is not of this moment is made anew, and refused where it differs."""
        stack, before = work.blueprint.stack, await self._before(work, plan)
        work = replace(work, held=before.held)  # the rest when code has been published
        order = Operation(
            "apply", stack, work, ExpectedChanges(planned_mutations(plan), before.fingerprint, bool(before.held))
        )
        return _to_applied(await self._done(order, _publish_and_report(publish, progress)))

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Bring the package to the app that the state names, as the cloud's own tools would; then what waited."""
        stack, artifact = work.blueprint.stack, work.artifact
        delivery = await self._delivery(stack)
        if delivery is None or artifact is None:
            return applied
        held = await delivery.held(work)
        await delivery.brought(artifact, progress)
        if held:
            applied = applied.then(
                _to_applied(await self._done(Operation("apply", stack, work), _report_progress(progress)))
            )
        for kind, outputs in delivery.state.kinds:
            await publish(SettledResource(kind, outputs))
        return applied

    async def _delivery(self, stack: Stack) -> CodeDelivery | None:
        """None where the program carries its packages."""
        publisher = self._publisher(stack)
        return CodeDelivery(publisher, await self.state(stack) or StackState({})) if publisher else None

    async def _before(self, work: Work, plan: ChangePlan) -> _PreviewResult:
        """What the preview that made this very plan found out; of another plan nothing is trusted."""
        previewed = self._previewed.pop(work.blueprint.stack, None)
        if previewed and previewed.plan == plan:
            return previewed
        delivery = await self._delivery(work.blueprint.stack)
        return _PreviewResult(plan, held=await delivery.held(work) if delivery else Deferred.NOTHING)

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        """Every resource of the stack, as a delete."""
        return _to_plan(await self._done(Operation("preview_removal", stack)))

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        """Delete what the state knows; no program is needed for that."""
        return _to_plan(await self._done(Operation("remove", removal.stack), _report_progress(progress))).changes

    async def detect_drift(self, stack: Stack) -> ChangePlan:
        """How the cloud differs from what was deployed: updates and deletes that nobody here made."""
        return _to_plan(await self._done(Operation("detect_drift", stack)))

    async def export(self, stack: Stack) -> Mapping[str, Any]:
        """The state in Pulumi's deployment format, secrets sealed; empty for a stack that is not there."""
        state: Mapping[str, Any] = (await self._done(Operation("export", stack)))["state"]
        return state

    async def state(self, stack: Stack) -> StackState | None:
        """Read from the files where they are this host's own: that spares a start of the CLI."""
        files = self._children.site.files
        return read_state_file(files, str(stack)) if files else StackState(await self.export(stack))

    async def revealed(self, stack: Stack) -> StackState:
        """The state with its secrets opened, at the price of a start of the CLI."""
        return StackState((await self._done(Operation("reveal", stack)))["state"])

    async def _done(self, order: Operation, hear: OnMessage | None = None) -> Mapping[str, Any]:
        """The outcome of an order; one that meets cut-off creates is begun again when their fate is known."""
        last = await self._children.carry_out(order, hear)
        if "pending" in last:
            recovery = recover_pending_creates(last["pending"], order.stack, self._search)
            last = await self._children.carry_out(order, hear, recovery)
        return require_done(last, order.stack)


@dataclass(frozen=True, slots=True)
class _PreviewResult:
    """A plan, what it was computed from, and what of it has to wait for code."""

    plan: ChangePlan
    fingerprint: str = ""
    held: Deferred = Deferred.NOTHING


def planned_mutations(plan: ChangePlan) -> frozenset[tuple[str, str]]:
    """What the plan changes."""
    return frozenset((change.urn, change.op) for change in plan.mutations)


def _report_progress(progress: ReportProgress) -> OnMessage:
    async def hear(message: Mapping[str, Any]) -> None:
        if tick := message.get("tick"):
            progress(ResourceProgress(**tick))

    return hear


def _publish_and_report(publish: PublishSettled, progress: ReportProgress) -> OnMessage:
    show = _report_progress(progress)

    async def hear(message: Mapping[str, Any]) -> None:
        await show(message)
        if settled := message.get("settled"):
            await publish(SettledResource(settled["kind"], settled["outputs"]))

    return hear


def _to_applied(done: Mapping[str, Any]) -> ApplyResult:
    return ApplyResult(_to_plan(done), done["outputs"])


def _to_plan(done: Mapping[str, Any]) -> ChangePlan:
    steps = done["steps"]
    return trace_causes([_to_change(step) for step in steps], {step["urn"]: step["origins"] for step in steps})


def _to_change(step: Mapping[str, Any]) -> ResourceChange:
    loses = step["stateful"] and step["op"] in ("delete", "replace")
    return ResourceChange(
        urn=step["urn"],
        type=step["type"],
        name=step["name"],
        op=step["op"],
        why=tuple(step["why"]),
        reversible="irreversible" if loses else "reversible",
    )


_SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"  # noqa: S105 - a type
_VAULT_SECRET = "azure-native:keyvault:Secret"  # noqa: S105 - a type
_TYPES_WITH_SETTINGS = ("azure-native:web:WebApp",)
_SECRET_NAME_PREFIX = "secret-"  # how blueprints name the resource of a secret  # noqa: S105


async def read_deployed_resources(
    engine: PulumiEngine, publisher: CodePublisher | None, stack: Stack, secret_value: Callable[[str], str]
) -> list[DeployedResource]:
    """The living resources; sealed values stay sealed, but for secrets, whose values are asked for anew.

    Where the very settings of an app are sealed, the CLI is asked to open the state.
    """
    state = await engine.state(stack)
    if state and any(
        it["type"] in _TYPES_WITH_SETTINGS and contains_encrypted_value(it.get("inputs")) for it in state.resources
    ):
        state = await engine.revealed(stack)
    resources = [_to_deployed_resource(it, secret_value) for it in (state.living if state else ())]
    return publisher.with_running_code(resources) if publisher else resources


async def read_endpoint(engine: PulumiEngine, stack: Stack) -> str | None:
    """Where the stack answers, by its outputs."""
    state = await engine.state(stack)
    found = state.outputs.get("endpoint") if state else None
    return str(found) if found else None


def _to_deployed_resource(raw: Mapping[str, Any], secret_value: Callable[[str], str]) -> DeployedResource:
    name, outputs = str(raw["urn"]).rpartition("::")[2], dict(raw.get("outputs") or {})
    inputs = dict(raw.get("inputs") or {})
    if raw["type"] == _SECRET_VERSION:
        outputs["secretString"] = secret_value(name.removeprefix(_SECRET_NAME_PREFIX))
    if raw["type"] == _VAULT_SECRET:
        inputs["properties"] = {"value": secret_value(name.removeprefix(_SECRET_NAME_PREFIX))}
    return DeployedResource(raw["type"], name, outputs, inputs)
