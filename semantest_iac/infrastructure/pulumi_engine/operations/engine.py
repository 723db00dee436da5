"""The Provisioner port on Pulumi's engine; each operation runs in a worker process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange, PolicyAdvice, trace_causes
from semantest_iac.domain.deployment.property_changes import PropertyChange
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
    ignore_progress,
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
from semantest_iac.infrastructure.pulumi_engine.state.state_files import open_state_files
from semantest_iac.infrastructure.pulumi_engine.state.states import (
    StackState,
    contains_encrypted_value,
    read_state_file,
)
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import (
    ExpectedChanges,
    Mutations,
    Operation,
    WorkerMessage,
)
from semantest_iac_events.values import ChangeCounts

FindCodePublisher = Callable[[Stack], CodePublisher | None]
"""The publisher of a stack's code; None if its program deploys the code."""

_SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"  # noqa: S105 - a type
_VAULT_SECRET = "azure-native:keyvault:Secret"  # noqa: S105 - a type
_TYPES_WITH_SETTINGS = ("azure-native:web:WebApp",)
_TYPES_WITH_KEYS = ("aws:apigateway/apiKey:ApiKey", "azure-native:apimanagement:Subscription")
_SECRET_NAME_PREFIX = "secret-"  # how blueprints name the resource of a secret  # noqa: S105


def create_real_code_publisher(stack: Stack) -> CodePublisher | None:
    """The publisher of the real cloud; it asks for the user's login at its first request."""
    return find_cloud(stack.provider).create_publisher()


@dataclass(frozen=True, slots=True)
class CodeDelivery:
    """A stack's state and publisher, each created once: reading a state may start the CLI, every publisher logs in."""

    publisher: CodePublisher
    state: StackState

    async def decide_deferral(self, work: Work) -> Deferred:
        """How much of the work must wait until the code is published."""
        return await asyncio.to_thread(self.publisher.decide_deferral, work, self.resources)

    async def plan_publishing(self, work: Work, plan: ChangePlan) -> ChangePlan:
        """The plan with the code that a resource of it should run and does not."""
        return await asyncio.to_thread(self.publisher.plan_publishing, self.resources, work.artifact, plan)

    @property
    def resources(self) -> list[DeployedResource]:
        """The live resources with encrypted secrets: the address of an app is no secret."""
        return _resources_with_encrypted_secrets(self.state)


HasLostCloud = Callable[[Stack, StackState | None], bool]
"""Returns whether the cloud has none of the resources of a state; raises ProviderError if the state itself is lost."""


class PulumiEngine:
    """Runs the real programs with Pulumi's CLI; the caller makes sure that a stack has one operation at a time.

    `find_created` looks in the cloud for the resource of a pending create; without it a person must look.
    `has_lost_cloud` is for clouds where looking costs nothing: what they lost is created again.
    `find_publisher` is for stacks whose program does not deploy the code.
    """

    def __init__(
        self,
        supervisor: EngineProcessSupervisor,
        find_created: FindCreatedResource | None = None,
        find_publisher: FindCodePublisher = create_real_code_publisher,
        has_lost_cloud: HasLostCloud | None = None,
    ) -> None:
        self._supervisor = supervisor
        self._find_created = find_created
        self._find_publisher = find_publisher
        self._has_lost_cloud = has_lost_cloud
        self._previews: dict[Stack, _PreviewResult] = {}

    async def preview(self, work: Work, progress: ReportProgress = ignore_progress) -> ChangePlan:
        """What apply would do; creates an empty stack in the backend if there is none."""
        stack, work = work.blueprint.stack, await self._refresh_if_lost(work)
        result = await self._run(Operation("preview", stack, work), _create_progress_listener(progress))
        advice = tuple(PolicyAdvice(it["policy"], it["message"], it["urn"]) for it in result.get("violations", ()))
        plan = replace(_to_marked_plan(result, stack), drift=_to_drift(result["drift"]), advice=advice)
        publisher = self._find_publisher(stack)
        deferred = _decide_limits_deferral(work, StackState(result["state"]))
        if publisher:
            delivery = CodeDelivery(publisher, StackState(result["state"]))
            deferred = await delivery.decide_deferral(work)
            plan = await delivery.plan_publishing(work, plan)
            plan = replace(plan, lacks_code=bool(deferred) or plan.lacks_code)
        self._previews[stack] = _PreviewResult(plan, result["fingerprint"], deferred)
        return plan

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Apply the plan; a plan that is not of the last preview is computed again, and refused if it differs."""
        stack, preview = work.blueprint.stack, await self._pop_or_rebuild_preview(work, plan)
        work = await self._refresh_if_lost(work)
        work = replace(work, deferred=preview.deferred)  # the rest is applied after the code is published
        expected = ExpectedChanges(planned_mutations(plan), preview.fingerprint, is_part=bool(preview.deferred))
        on_message = _create_publish_listener(publish, progress)
        applied = _to_apply_result(await self._run(Operation("apply", stack, work, expected), on_message))
        if not work.defers_limits:
            return applied
        rest = Operation("apply", stack, replace(work, deferred=Deferred.NOTHING, refresh=False))
        return applied.then(_to_apply_result(await self._run(rest, on_message)))

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Publish the package to the apps in the state, then apply what was deferred."""
        delivery = await self._create_delivery(work.blueprint.stack)
        if delivery is None:
            return applied

        async def apply_deferred() -> ApplyResult:
            operation = Operation("apply", work.blueprint.stack, replace(work, refresh=False))
            return _to_apply_result(await self._run(operation, _create_progress_listener(progress)))

        publisher, resources = delivery.publisher, delivery.resources
        result = await publisher.publish_work(work, resources, applied, apply_deferred, progress)
        for kind, outputs in delivery.state.component_outputs:
            await publish(SettledResource(kind, outputs))
        return result

    async def _create_delivery(self, stack: Stack) -> CodeDelivery | None:
        publisher = self._find_publisher(stack)
        return CodeDelivery(publisher, await self.read_state(stack) or StackState({})) if publisher else None

    async def _refresh_if_lost(self, work: Work) -> Work:
        if work.refresh or self._has_lost_cloud is None:
            return work
        stack = work.blueprint.stack
        return replace(work, refresh=self._has_lost_cloud(stack, await self.read_state(stack)))

    async def _pop_or_rebuild_preview(self, work: Work, plan: ChangePlan) -> _PreviewResult:
        """The result of the preview that computed this plan; for another plan, one without a fingerprint."""
        preview = self._previews.pop(work.blueprint.stack, None)
        if preview and preview.plan == plan:
            return preview
        delivery = await self._create_delivery(work.blueprint.stack)
        if delivery:
            return _PreviewResult(plan, deferred=await delivery.decide_deferral(work))
        state = await self.read_state(work.blueprint.stack)
        return _PreviewResult(plan, deferred=_decide_limits_deferral(work, state or StackState({})))

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        return _to_marked_plan(await self._run(Operation("preview_destroy", stack)), stack)

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        """Delete the resources in the state, without running a program."""
        return _to_plan(
            await self._run(Operation("destroy", removal.stack), _create_progress_listener(progress))
        ).changes

    async def detect_drift(self, stack: Stack) -> tuple[PlannedChange, ...]:
        """How the cloud differs from the state: updates and deletes that were made outside of this tool."""
        return _to_drift((await self._run(Operation("detect_drift", stack)))["steps"])

    async def export(self, stack: Stack) -> Mapping[str, Any]:
        """The state in Pulumi's deployment format with encrypted secrets; empty for an unknown stack."""
        state: Mapping[str, Any] = (await self._run(Operation("export", stack)))["state"]
        return state

    async def read_state(self, stack: Stack) -> StackState | None:
        """The state with encrypted secrets; the files of a backend are read without starting the CLI."""
        files = open_state_files(self._supervisor.settings, self._supervisor.variables)
        if files is None:
            return StackState(await self.export(stack))
        return await asyncio.to_thread(read_state_file, files, str(stack))

    async def read_state_with_secrets(self, stack: Stack) -> StackState:
        """The state with its secrets in plain text; starts the CLI."""
        return StackState((await self._run(Operation("reveal", stack)))["state"])

    async def _run(self, operation: Operation, on_message: OnMessage | None = None) -> Mapping[str, Any]:
        """The result of an operation; one that finds pending creates is run again with their recovery."""
        last = await self._supervisor.run_operation(operation, on_message)
        if "pending" in last:
            recovery = recover_pending_creates(last["pending"], operation.stack, self._find_created)
            last = await self._supervisor.run_operation(operation, on_message, recovery)
        return require_done(last, operation.stack)


@dataclass(frozen=True, slots=True)
class _PreviewResult:
    """A plan, the fingerprint of what it was computed from, and how much of it is deferred."""

    plan: ChangePlan
    fingerprint: str = ""
    deferred: Deferred = Deferred.NOTHING


def _resources_with_encrypted_secrets(state: StackState) -> list[DeployedResource]:
    return [
        DeployedResource(
            it["type"],
            str(it["urn"]).rpartition("::")[2],
            it.get("outputs") or {},
            urn=it["urn"],
            id=str(it.get("id") or ""),
        )
        for it in state.live_resources
    ]


def _decide_limits_deferral(work: Work, state: StackState) -> Deferred:
    """Whether limits must be lowered in a second run."""
    blueprint = work.blueprint
    return find_cloud(blueprint.stack.provider).decide_limits_deferral(
        blueprint, _resources_with_encrypted_secrets(state)
    )


def planned_mutations(plan: ChangePlan) -> Mutations:
    return frozenset((change.urn, change.op) for change in plan.mutations)


async def read_deployed_resources(
    engine: PulumiEngine, publisher: CodePublisher | None, stack: Stack, secret_value: Callable[[str], str]
) -> list[DeployedResource]:
    """The live resources; encrypted values stay encrypted, but the resources of secrets get their value.

    If the settings of an app or the keys of a gateway are encrypted, the CLI decrypts the state.
    """
    state = await engine.read_state(stack)
    if state and any(map(_needs_decryption, state.resources)):
        state = await engine.read_state_with_secrets(stack)
    resources = [_to_deployed_resource(it, secret_value) for it in (state.live_resources if state else ())]
    return publisher.with_running_code(resources) if publisher else resources


def _needs_decryption(resource: Mapping[str, Any]) -> bool:
    """Whether nothing but the state knows what this machine needs of a resource to play it."""
    if resource["type"] == _VAULT_SECRET:
        return not _is_of_blueprint(resource)
    part = {**dict.fromkeys(_TYPES_WITH_SETTINGS, "inputs"), **dict.fromkeys(_TYPES_WITH_KEYS, "outputs")}
    name = part.get(resource["type"], "")
    return bool(name) and contains_encrypted_value(resource.get(name))


def _is_of_blueprint(resource: Mapping[str, Any]) -> bool:
    """Whether a secret is one that the configuration names, whose value is in the store."""
    return str(resource["urn"]).rpartition("::")[2].startswith(_SECRET_NAME_PREFIX)


async def list_deployed_resources(engine: PulumiEngine, stack: Stack) -> list[DeployedResource]:
    """The live resources with what is encrypted in the state left encrypted."""
    state = await engine.read_state(stack)
    return [
        DeployedResource(
            it["type"],
            str(it["urn"]).rpartition("::")[2],
            it.get("outputs") or {},
            it.get("inputs") or {},
            urn=it["urn"],
            id=str(it.get("id") or ""),
        )
        for it in (state.live_resources if state else ())
    ]


async def read_endpoint(engine: PulumiEngine, stack: Stack) -> str | None:
    """The output `endpoint` of the stack."""
    state = await engine.read_state(stack)
    endpoint = state.outputs.get("endpoint") if state else None
    return str(endpoint) if endpoint else None


def _to_deployed_resource(resource: Mapping[str, Any], secret_value: Callable[[str], str]) -> DeployedResource:
    name, outputs = str(resource["urn"]).rpartition("::")[2], dict(resource.get("outputs") or {})
    inputs = dict(resource.get("inputs") or {})
    if resource["type"] == _SECRET_VERSION:
        outputs["secretString"] = secret_value(name.removeprefix(_SECRET_NAME_PREFIX))
    if resource["type"] == _VAULT_SECRET and _is_of_blueprint(resource):
        inputs["properties"] = {"value": secret_value(name.removeprefix(_SECRET_NAME_PREFIX))}
    return DeployedResource(resource["type"], name, outputs, inputs, id=str(resource.get("id") or ""))


def _create_progress_listener(progress: ReportProgress) -> OnMessage:
    async def on_message(message: WorkerMessage) -> None:
        if fields := message.get("progress"):
            progress(ResourceProgress(**fields))

    return on_message


def _create_publish_listener(publish: PublishSettled, progress: ReportProgress) -> OnMessage:
    report = _create_progress_listener(progress)

    async def on_message(message: WorkerMessage) -> None:
        await report(message)
        if settled := message.get("settled"):
            await publish(SettledResource(settled["kind"], settled["outputs"]))

    return on_message


def _to_apply_result(result: Mapping[str, Any]) -> ApplyResult:
    return ApplyResult(_to_plan(result), result["outputs"])


def _to_plan(result: Mapping[str, Any]) -> ChangePlan:
    steps = result["steps"]
    return trace_causes([_to_change(step) for step in steps], {step["urn"]: step["origins"] for step in steps})


def _to_marked_plan(result: Mapping[str, Any], stack: Stack) -> ChangePlan:
    """The plan that a person sees, with what going back would not undo."""
    return find_cloud(stack.provider).mark_changes(_to_plan(result))


def _to_drift(steps: Iterable[Mapping[str, Any]]) -> tuple[PlannedChange, ...]:
    """The resources that a refresh found changed; what is gone in the cloud is not lost by this tool."""
    return tuple(replace(_to_change(step), loses="") for step in steps if step["op"] != "same")


def _to_change(step: Mapping[str, Any]) -> PlannedChange:
    return PlannedChange(
        urn=step["urn"],
        type=step["type"],
        name=step["name"],
        op=step["op"],
        properties=tuple(PropertyChange(**it | {"sources": ()}) for it in step["properties"]),
        loses=step["data"] if step["op"] in ("delete", "replace") else "",
        exposes=step["exposes"],
    )
