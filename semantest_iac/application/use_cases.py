"""The use cases of the application; the command line and the Python API call the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.deployment.environment_configuration import (
    ConfiguredEnvironment,
    EnvironmentConfigurator,
)
from semantest_iac.application.deployment.preparation import requested_configuration, validate_with_secrets
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.deployment.recorder import require_deployment
from semantest_iac.application.deployment.resolved_requests import ChangeRequest
from semantest_iac.application.deployment.rollback import find_last_good
from semantest_iac.application.intake.deployment_requests import build_deployment_request
from semantest_iac.application.intake.event_requests import BuiltRequest
from semantest_iac.application.intake.intake import Intake
from semantest_iac.application.intake.request_origin import RequestOrigin
from semantest_iac.application.operators.held_stacks import HeldStacks, require_free_stack
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.application.ports.run_queue import QueuePlace, Receipt
from semantest_iac.application.ports.secret_store import SecretStore
from semantest_iac.application.queries.history import answers_requests, find_deployment, find_recorded_base
from semantest_iac.application.queries.scalings import ResolvedScaling
from semantest_iac.application.request_runner import RequestRunner
from semantest_iac.domain.compute.scaling import ScalingChange
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DEPLOYMENT_KINDS
from semantest_iac.domain.deployment.validation import ValidationReport, ValidationService
from semantest_iac.domain.environments.names import (
    ENVIRONMENTS,
    SERVICE_TYPES,
)
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import LedgerError, NotFoundError, ValidationError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, read_engine_choice
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import ProbeAnswer, ServiceProbe
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import (
    EnvironmentConfigured,
    InfrastructureRemovalRequested,
    RollbackRequested,
    ScalingTriggered,
)
from semantest_iac_events.stack_names import DEFAULT_PROJECT


@dataclass(frozen=True, slots=True)
class SecretRotation:
    """The id of the deployment that a rotation is, and the secrets that have new values."""

    deployment_id: str
    rotated_secrets: tuple[str, ...]


class DeploymentUseCase:
    """Deploy, preview, roll back, destroy, resolve and call; every method raises DeploymentError for a refused request.

    What changes a stack is refused (STACK_HELD) while a deployment that needs an operator holds it. A deployment that
    was accepted and failed is returned, not raised: its row has the state and the error. So is one whose plan waits for
    an approval, as `awaiting_approval`.
    """

    def __init__(  # noqa: PLR0913  # one parameter for each thing that is handed in
        self,
        intake: Intake,
        runner: RequestRunner,
        process: DeploymentProcess,
        probe: ServiceProbe,
        ledger: LedgerReader,
        engine: EngineChoice,
        held_stacks: HeldStacks,
    ) -> None:
        self._intake = intake
        self._runner = runner
        self._process = process
        self._probe = probe
        self._ledger = ledger
        self._engine = engine
        self._held_stacks = held_stacks

    async def deploy(  # noqa: PLR0913  # one parameter for each part of the request
        self,
        stack: Stack,
        configuration: Mapping[str, Any],
        *,
        settings: ComponentSettings | None = None,
        by: str = "",
        batch: str | None = None,
        keep_failed: bool = False,
        refresh: bool = False,
        detach: QueuePlace | None = None,
    ) -> DeploymentRow:
        """Deploy the stack with this configuration and return how that ended.

        `settings` are those of a deployment spec, whose configuration is not validated again. `batch` is the
        correlation id that all stacks of one command share. `keep_failed` keeps a first deployment that fails.
        `refresh` reads the state from the cloud before planning. `detach` is its place in the queue if it is left to
        a worker: then it returns at once, and the request waits where the stack is held.
        """
        if detach is None:
            require_free_stack(self._ledger, str(stack))
        request = build_deployment_request(stack, configuration)
        values = dict(request.configuration)
        if read_engine_choice(request.built_in_environment, values) != self._engine:  # it owns the stack from now on
            values |= asdict(self._engine)
        given = {"configuration": values, "requested_by": by, "keep_failed": keep_failed, "refresh": refresh}
        request = request.model_copy(update=given)
        request = request.model_copy(update={"correlation_id": batch}) if batch else request
        context = await self._intake.accept_deploy(request, settings)
        if detach is None:
            await self._runner.run(request, context)
        else:
            await self._runner.submit(request, context, detach)
        return self._row_of(request.deployment_id)

    async def redeploy(
        self,
        stack: Stack,
        *,
        by: str = "",
        batch: str | None = None,
        rotation: SecretRotation | None = None,
    ) -> DeploymentRow:
        """Deploy the last good deployment again and return how that ended; what was changed in the cloud is restored.

        A `rotation` brings the new values of secrets to the functions, and nothing is read from the cloud before it.
        Configuration and package are those that were recorded. Raises NotFoundError without a good deployment, or where
        the ledger does not hold all of it, ArtifactError without its package.
        """
        require_free_stack(self._ledger, str(stack))
        good = find_last_good(self._ledger, stack)
        if good is None:
            message = f"Cannot deploy '{stack}' again: it has no completed deployment."
            raise NotFoundError(message, hint="Run `semantest-iac deploy` for it.")
        before = good.request
        request = DeploymentRequested(
            **asdict(stack),
            configuration=before.configuration,
            base_environment=before.base_environment,
            component_type=before.component_type,
            requested_by=by,
            refresh=rotation is None,
            **(asdict(rotation) if rotation else {}),
        )
        request = request.model_copy(update={"correlation_id": batch}) if batch else request
        await self._runner.run(request, await self._intake.accept_deploy(request, package=good.package))
        return self._row_of(request.deployment_id)

    async def preview(
        self,
        stack: Stack,
        configuration: Mapping[str, Any],
        *,
        settings: ComponentSettings | None = None,
        refresh: bool = False,
    ) -> DeploymentContext:
        """Take the read-only steps of a deployment; nothing is recorded."""
        request = build_deployment_request(stack, configuration).model_copy(update={"refresh": refresh})
        return await self._process.plan_deployment(await self._intake.accept_deploy(request, settings))

    async def preview_destroy(self, stack: Stack, *, base_environment: str | None = None) -> ChangePlan:
        """Return what `destroy` would delete; refuses what `destroy` refuses."""
        self._intake.accept_destroy(self._build_removal(stack, "", base_environment))
        return await self._process.plan_destroy(stack)

    async def destroy(self, stack: Stack, *, by: str = "", base_environment: str | None = None) -> DeploymentRow:
        """Delete every resource of the stack and return how that ended.

        `base_environment` is what an environment of the configuration's own extends; of those that were deployed, the
        ledger knows it.
        """
        require_free_stack(self._ledger, str(stack))
        request = self._build_removal(stack, by, base_environment)
        self._intake.accept_destroy(request)
        await self._runner.run(request)
        return self._row_of(request.deployment_id)

    async def scale(
        self,
        stack: Stack,
        change: ScalingChange,
        *,
        by: str = "",
        reason: str = "",
        batch: str | None = None,
        detach: QueuePlace | None = None,
    ) -> DeploymentRow:
        """Change between how many instances the stack scales, and nothing else of it; return how that ended.

        `batch` and `detach` are as in `deploy`. Raises ValidationError with every fault for instances that cannot be,
        or that the bounds of what is deployed do not allow, NotFoundError where nothing is deployed.
        """
        if detach is None:
            require_free_stack(self._ledger, str(stack))
        update = {"requested_by": by, "reason": reason} | ({"correlation_id": batch} if batch else {})
        request = self._build_scaling(stack, change).model_copy(update=update)
        return await self._submit_change(request, detach)

    async def rollback(
        self,
        stack: Stack,
        target: str,
        *,
        accept_data_loss: Sequence[str] = (),
        by: str = "",
        detach: QueuePlace | None = None,
    ) -> DeploymentRow:
        """Bring the stack back to a completed deployment, as it was recorded, and return how that ended.

        That is a deployment of its own: one can be gone back to it, too. It is rejected (DATA_LOSS) before anything is
        changed unless `accept_data_loss` names exactly the resources whose data it loses for good. `detach` is as in
        `deploy`. Raises NotFoundError or ValidationError for a target that cannot be gone back to.
        """
        if detach is None:
            require_free_stack(self._ledger, str(stack))
        request = self._build_rollback(stack, target).model_copy(
            update={"requested_by": by, "accepted_data_loss": tuple(accept_data_loss)}
        )
        return await self._submit_change(request, detach)

    async def _submit_change(self, request: ChangeRequest, detach: QueuePlace | None) -> DeploymentRow:
        await self._intake.accept_change(request)
        if detach is None:
            await self._runner.run(request)
        else:
            await self._runner.submit(request, None, detach)
        return self._row_of(request.deployment_id)

    def find_scaling(self, stack: Stack, change: ScalingChange) -> ResolvedScaling | None:
        """Return the instances that are deployed and those after a change, as of now; raises as `scale` does.

        None where a deployment is requested that comes first.
        """
        return self._intake.find_scaling(self._build_scaling(stack, change))

    async def preview_scaling(self, stack: Stack, change: ScalingChange) -> DeploymentContext:
        """Return what a scaling would change, as of now; nothing is recorded. Raises as `scale` does."""
        return await self._process.plan(await self._accept_now(self._build_scaling(stack, change)))

    async def preview_rollback(self, stack: Stack, target: str) -> DeploymentContext:
        """Return what going back to a deployment would change, as of now; nothing is recorded."""
        context = await self._accept_now(self._build_rollback(stack, target))
        return await self._process.plan(replace(context, restored=target))

    async def _accept_now(self, request: ChangeRequest) -> DeploymentContext:
        context = await self._intake.accept_change(request)
        if context is None:
            message = f"Cannot preview a change of '{request.stack}': its first deployment has not ended."
            raise NotFoundError(message, hint="`semantest-iac queue` shows what it waits for.")
        return replace(context, kind=DEPLOYMENT_KINDS[request.type_name])

    async def carry_on(self, deployment: str) -> DeploymentRow:
        """Carry on a queued deployment in this process, unless a worker is faster, and return how that ended.

        Raises NotFoundError for an unknown one.
        """
        request = require_deployment(self._ledger, find_deployment(self._ledger, deployment).deployment).request
        await self._runner.carry_on(request)
        return self._row_of(deployment)

    async def submit_event(self, request: StackRequest, origin: RequestOrigin) -> Receipt:
        """Queue the request of an event for whoever carries it out; a refusal is recorded and told, not raised."""
        return await self._intake.submit_event(BuiltRequest(request), origin)

    async def resolve(self, deployment: str, *, by: str, reason: str = "") -> DeploymentRow:
        """Record that a person has put the stack in order that a deployment holds, and return that deployment.

        What waits for the stack starts. Raises NotFoundError for an unknown deployment, RefusedError for one that
        holds nothing.
        """
        return await self._held_stacks.resolve(deployment, by, reason)

    async def abandon(self) -> None:
        """Record that the requested deployment was cancelled, if one is; the process must end, as work may go on."""
        await self._runner.abandon()

    def _build_removal(self, stack: Stack, by: str, base_environment: str | None) -> InfrastructureRemovalRequested:
        own_base = self._find_own_base(stack, base_environment)
        return InfrastructureRemovalRequested(**asdict(stack), requested_by=by, base_environment=own_base)

    def _build_scaling(self, stack: Stack, change: ScalingChange) -> ScalingTriggered:
        return ScalingTriggered(
            **asdict(stack),
            base_environment=self._find_own_base(stack),
            min_instances=change.minimum,
            max_instances=change.maximum,
            min_step=change.minimum_step,
            max_step=change.maximum_step,
        )

    def _build_rollback(self, stack: Stack, target: str) -> RollbackRequested:
        own_base = self._find_own_base(stack)
        return RollbackRequested(**asdict(stack), base_environment=own_base, target_deployment=target)

    def _find_own_base(self, stack: Stack, configured: str | None = None) -> str | None:
        """Return what an environment of the configuration's own extends; None for one that is built in."""
        base = find_recorded_base(self._ledger, str(stack)) or configured
        return None if stack.environment in ENVIRONMENTS else base

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Send one request through the stack's endpoint."""
        if not answers_requests(self._ledger.stack(str(stack))):
            raise NotFoundError(f"Cannot call '{stack}': it has no endpoint.", hint="Only APIs answer requests.")
        return await self._probe.call(stack, request)

    def _row_of(self, deployment: str) -> DeploymentRow:
        row = self._ledger.deployment(deployment)
        if row is None:
            raise LedgerError(f"Cannot find deployment '{deployment}' in the ledger after it ended.")
        return row


class EnvironmentUseCase:
    """Records the settings of environments without deploying anything; raises DeploymentError."""

    def __init__(
        self, validation: ValidationService, secrets: SecretStore, environments: EnvironmentConfigurator
    ) -> None:
        self._validation = validation
        self._secrets = secrets
        self._environments = environments

    async def configure_environment(
        self,
        environment: str,
        provider: str,
        region: str,
        configuration: Mapping[str, Any],
        *,
        project: str = DEFAULT_PROJECT,
    ) -> EnvironmentConfigured | None:
        """Publish the settings of an environment; None where the same were published last.

        Raises ValidationError with every fault of the components in this environment; values of secrets are not needed.
        """
        components = list(configuration.get("components") or ()) or [SERVICE_TYPES[0]]
        stacks = [Stack(component, provider, environment, region, project) for component in components]
        requests = [build_deployment_request(stack, configuration) for stack in stacks]
        report = ValidationReport.merge(
            validate_with_secrets(
                stack, requested_configuration(request), self._validation, self._secrets, secrets_required=False
            )
            for stack, request in zip(stacks, requests, strict=True)
        )
        if report.faults:
            raise ValidationError(f"Cannot configure environment '{environment}'.", faults=report.faults)
        configured = ConfiguredEnvironment(environment, provider, region, project, requests[0].base_environment)
        return await self._environments.configure(configured, requests[0].configuration)
