"""The Python API of Semantest's infrastructure as code; importing it loads nothing until a name is used.

    from semantest_iac import deploy, preview, status

    row = deploy("rest-api", configuration={"components": {"rest-api": {"memory": 1024}}})
    print(row.state, row.endpoint)

The functions do what the commands of the same name do, and read the same configuration. They block; in a running
event loop use `DeploymentUseCase`, which `Application(home).deployments(os.environ)` returns.
This file holds the functions and the names that their callers need; it decides nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # that of `typing`, whose import would delay the first line of `__main__`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from semantest_iac.application.intake.deployment_specs import DeploymentSpec, LoadedConfiguration
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.bootstrap.application import Application
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.deployment.status import DeploymentStatus
    from semantest_iac.domain.environments.environment_settings import EnvironmentSettings, get_environment_settings
    from semantest_iac.domain.errors import DeploymentError, Fault, ProviderError, RefusedError, ValidationError
    from semantest_iac.infrastructure.configuration.app_secrets import AppSecrets, get_secrets
    from semantest_iac_events.infrastructure import EnvironmentConfigured

_MODULES = {
    "AppSecrets": "semantest_iac.infrastructure.configuration.app_secrets",
    "Application": "semantest_iac.bootstrap.application",
    "ChangePlan": "semantest_iac.domain.deployment.change_plan",
    "DeploymentError": "semantest_iac.domain.errors",
    "DeploymentRow": "semantest_iac.application.ports.ledger",
    "DeploymentStatus": "semantest_iac.domain.deployment.status",
    "DeploymentUseCase": "semantest_iac.application.use_cases",
    "EnvironmentSettings": "semantest_iac.domain.environments.environment_settings",
    "Fault": "semantest_iac.domain.errors",
    "ProviderError": "semantest_iac.domain.errors",
    "RefusedError": "semantest_iac.domain.errors",
    "Stack": "semantest_iac.domain.deployment.stack",
    "ValidationError": "semantest_iac.domain.errors",
    "get_environment_settings": "semantest_iac.domain.environments.environment_settings",
    "get_secrets": "semantest_iac.infrastructure.configuration.app_secrets",
}

__all__ = [
    "AppSecrets",
    "Application",
    "ChangePlan",
    "DeploymentError",
    "DeploymentRow",
    "DeploymentStatus",
    "DeploymentUseCase",
    "EnvironmentSettings",
    "Fault",
    "ProviderError",
    "RefusedError",
    "Stack",
    "ValidationError",
    "approve",
    "configure_environment",
    "deploy",
    "get_environment_settings",
    "get_secrets",
    "preview",
    "reject",
    "resolve",
    "rollback",
    "scale",
    "status",
]


def deploy(  # noqa: PLR0913  # one parameter for each part of the request
    component: str,
    provider: str | None = None,
    environment: str | None = None,
    region: str | None = None,
    *,
    home: str | Path = ".semantest",
    configuration: Mapping[str, Any] | None = None,
    allow_destructive: bool = False,
    refresh: bool = False,
) -> DeploymentRow:
    """Deploy a component and return how that ended, in the row's `state` and `error`.

    Parts that are not given come from the configuration; the defaults are aws, development and the provider's
    first region. `configuration` overrides semantest.yaml and the environment. A plan that replaces or deletes
    resources of a real cloud is rejected unless `allow_destructive`. `refresh` reads the state from the cloud before
    planning. Raises DeploymentError for a request that is refused before anything is changed, ValidationError with
    every fault at once.
    """
    import asyncio

    from semantest_iac.domain.guardrails.consent import approve_any_plan

    application, spec = _build_spec((component, provider, environment, region), home, configuration)
    approve_plan = approve_any_plan if allow_destructive else None
    deployments = application.deployments(spec.variables, engine=spec.engine, approve_plan=approve_plan)
    deploying = deployments.deploy(
        spec.stack, spec.configuration, settings=spec.settings, by=_read_user_name(), refresh=refresh
    )
    return asyncio.run(deploying)


def preview(  # noqa: PLR0913  # one parameter for each part of the request
    component: str,
    provider: str | None = None,
    environment: str | None = None,
    region: str | None = None,
    *,
    home: str | Path = ".semantest",
    configuration: Mapping[str, Any] | None = None,
    refresh: bool = False,
) -> ChangePlan:
    """Return what `deploy` would change, without changing or recording anything; raises as `deploy` does."""
    import asyncio

    application, spec = _build_spec((component, provider, environment, region), home, configuration)
    deployments = application.deployments(spec.variables, engine=spec.engine)
    previewing = deployments.preview(spec.stack, spec.configuration, settings=spec.settings, refresh=refresh)
    return asyncio.run(previewing).plan


def rollback(  # noqa: PLR0913  # one parameter for each part of the request
    component: str | None = None,
    provider: str | None = None,
    environment: str | None = None,
    region: str | None = None,
    *,
    to: str | int | None = None,
    deployment: str | int | None = None,
    accept_data_loss: Sequence[str] = (),
    home: str | Path = ".semantest",
    allow_destructive: bool = False,
) -> DeploymentRow:
    """Bring a stack back to an earlier deployment, as it was recorded, and return how that ended.

    `to` is that deployment, by its id, the beginning of it, or its number in the history; `deployment` is one to undo,
    back to the last good one before it. Without both, back to the last good deployment: the one before the newest, or
    the newest good one if what came after it failed. An id names its stack: without it, `component` is needed, and the
    other parts are as in `deploy`. The rollback is rejected (code DATA_LOSS) unless `accept_data_loss` names exactly
    the resources whose data it loses for good. Raises as `deploy` does, and NotFoundError for an unknown deployment.
    """
    import asyncio

    from semantest_iac.application.queries.rollback_targets import choose_rollback_target
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.consent import approve_any_plan

    application, loaded = _load_configuration((provider, environment, region), home, None)
    stack = None if component is None else _resolve_deployed(component, application, loaded)
    names = {"to": to, "undo": deployment}
    chosen = {name: None if value is None else str(value) for name, value in names.items()}
    target = choose_rollback_target(application.ledger, str(stack) if stack else None, **chosen)
    stack = stack or Stack.parse(target.stack)
    deployments = application.deployments(
        loaded.variables,
        engine=application.engine(stack, loaded.configuration),
        approve_plan=approve_any_plan if allow_destructive else None,
    )
    return asyncio.run(
        deployments.rollback(stack, target.deployment, accept_data_loss=accept_data_loss, by=_read_user_name())
    )


def scale(  # noqa: PLR0913  # one parameter for each part of the request
    component: str,
    provider: str | None = None,
    environment: str | None = None,
    region: str | None = None,
    *,
    minimum: int | None = None,
    maximum: int | None = None,
    reason: str = "",
    home: str | Path = ".semantest",
) -> DeploymentRow:
    """Change between how many instances a deployed component scales, and return how that ended.

    What is not given stays as it is deployed; the next `deploy` brings the instances to the configuration again. The
    parts of the stack are as in `deploy`. Raises ValidationError with every fault for instances that cannot be, or that
    `scaling` does not allow, NotFoundError where nothing is deployed.
    """
    import asyncio

    from semantest_iac.domain.compute.scaling import ScalingChange

    application, loaded = _load_configuration((provider, environment, region), home, None)
    stack = _resolve_deployed(component, application, loaded)
    engine = application.engine(stack, loaded.configuration)
    deployments = application.deployments(loaded.variables, engine=engine)
    scaling = deployments.scale(stack, ScalingChange(minimum, maximum), by=_read_user_name(), reason=reason)
    return asyncio.run(scaling)


def configure_environment(
    environment: str | None = None,
    provider: str | None = None,
    region: str | None = None,
    *,
    home: str | Path = ".semantest",
    configuration: Mapping[str, Any] | None = None,
) -> EnvironmentConfigured | None:
    """Record the settings of an environment and return the published event; None where they are recorded already.

    `deploy` does the same before it deploys. Parts that are not given are as in `deploy`. Raises ValidationError with
    every fault of the configured components in this environment.
    """
    import asyncio

    from semantest_iac.application.intake.deployment_specs import (
        dump_configuration,
        resolve_stack,
        validate_components,
    )

    application, loaded = _load_configuration((provider, environment, region), home, configuration)
    validate_components(None, loaded, application)
    stack = resolve_stack("rest-api", loaded, application.providers)
    values = dump_configuration(loaded.configuration, stack.environment)
    environments = application.environments(loaded.variables)
    configuring = environments.configure_environment(
        stack.environment, stack.provider, stack.region, values, project=stack.project
    )
    return asyncio.run(configuring)


def resolve(deployment: str, *, home: str | Path = ".semantest", reason: str = "") -> DeploymentRow:
    """Free the stack that a deployment holds because it needed an operator, and return the deployment's row.

    Requests that wait for the stack start then. Raises NotFoundError for an unknown deployment, RefusedError for one
    that holds nothing.
    """
    import asyncio
    import os
    from pathlib import Path

    from semantest_iac.bootstrap.application import Application

    held_stacks = Application(Path(home)).held_stacks(os.environ)
    return asyncio.run(held_stacks.resolve(deployment, _read_user_name(), reason))


def approve(deployment: str, *, by: str = "", plan_digest: str = "", home: str | Path = ".semantest") -> DeploymentRow:
    """Approve the plan of a deployment that waits for it, carry the deployment out, and return how that ended.

    `by` is recorded, by default the user of this process, and must be one of the approvers where the configuration
    names any. `plan_digest`, or its
    beginning, is the plan that may be approved; any if it is empty. A plan that has changed meanwhile waits once more.
    Raises NotFoundError for an unknown deployment, RefusedError for one that waits for no approval, or not for theirs.
    """
    import asyncio
    import os
    from pathlib import Path

    from semantest_iac.application.queries.history import choose_engine_of_run
    from semantest_iac.bootstrap.application import Application
    from semantest_iac.domain.deployment.status import TERMINAL_STATUSES

    application = Application(Path(home))

    async def approve_and_carry_on() -> DeploymentRow:
        row = (await application.approvals(os.environ).approve(deployment, by or _read_user_name(), plan_digest)).row
        if row.state in TERMINAL_STATUSES:
            return row
        engine = choose_engine_of_run(application.ledger, row)
        return await application.deployments(os.environ, engine=engine).carry_on(deployment)

    return asyncio.run(approve_and_carry_on())


def reject(deployment: str, *, by: str = "", reason: str = "", home: str | Path = ".semantest") -> DeploymentRow:
    """Reject the plan of a deployment that waits for an approval, which ends without a change, and return its row.

    Raises NotFoundError for an unknown deployment, RefusedError for one that waits for no approval.
    """
    import asyncio
    import os
    from pathlib import Path

    from semantest_iac.bootstrap.application import Application

    rejecting = Application(Path(home)).approvals(os.environ).reject(deployment, by or _read_user_name(), reason)
    return asyncio.run(rejecting).row


def status(*, home: str | Path = ".semantest") -> list[DeploymentRow]:
    """Return the newest deployment of every stack, newest first; empty before the first deployment."""
    from pathlib import Path

    from semantest_iac.bootstrap.application import Application

    return Application(Path(home)).ledger.newest()


def _build_spec(
    parts: tuple[str, str | None, str | None, str | None],
    home: str | Path,
    configuration: Mapping[str, Any] | None,
) -> tuple[Application, DeploymentSpec]:
    from semantest_iac.application.intake.deployment_specs import build_spec

    component, *options = parts
    application, loaded = _load_configuration(options, home, configuration)
    return application, build_spec(component, loaded, application)


def _read_user_name() -> str:
    from semantest_iac.application.operators.user_names import read_user_name

    return read_user_name()


def _resolve_deployed(component: str, application: Application, loaded: LoadedConfiguration) -> Stack:
    """Return the stack of a component of the configuration, or of one that is deployed."""
    from semantest_iac.application.intake.deployment_specs import resolve_stack
    from semantest_iac.application.queries.history import list_deployed_components

    return resolve_stack(component, loaded, application.providers, list_deployed_components(application.ledger))


def _load_configuration(
    options: Sequence[str | None], home: str | Path, configuration: Mapping[str, Any] | None
) -> tuple[Application, LoadedConfiguration]:
    """Load the configuration; the options are provider, environment and region."""
    import json
    import os
    from pathlib import Path

    from semantest_iac.bootstrap.application import Application

    application = Application(Path(home))
    loaded = application.configuration(
        environ=os.environ,
        values=json.loads(json.dumps(configuration or {})),  # tuples become lists, keys text
        options=dict(zip(("provider", "environment", "region"), options, strict=True)),
    )
    return application, loaded


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)
