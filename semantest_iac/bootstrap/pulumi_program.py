"""The application as Pulumi starts it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.engines import secret_reader

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice


class PulumiProgram(Application):
    """The application in a program that Pulumi itself started: the engine is there, and keeps the record."""

    def __init__(self, namespace: str) -> None:
        from semantest_iac.infrastructure.pulumi_engine.worker.programs import PulumiProgramHost

        self.host = PulumiProgramHost.of_this_process(namespace)
        super().__init__(self.host.folder / (os.environ.get("SEMANTEST_HOME") or ".semantest"))

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
        """Pulumi on the real cloud; raises RefusedError where the configuration wants another."""
        from semantest_iac.domain.errors import RefusedError
        from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, REAL_CLOUD, EngineChoice

        choice = EngineChoice(PULUMI_ENGINE, REAL_CLOUD)
        if EngineChoice(configuration.engine or PULUMI_ENGINE, configuration.cloud or REAL_CLOUD) == choice:
            return choice
        message = f"Cannot deploy '{stack}' as its configuration says: pulumi is the engine here, on the real cloud."
        hint = "Leave engine and cloud out, or deploy with python -m semantest_iac deploy."
        raise RefusedError(message, "ENGINE_UNSUITABLE", hint=hint)

    def run(self, order: DeploymentSpec, generation: int) -> None:
        """Build the package, or find it, and register the resources; raises DeploymentError."""
        from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS, build_package
        from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
        from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

        stack = order.stack
        settings = resolve_component(
            DeploymentConfiguration.model_validate(order.configuration), stack.component, stack.environment
        )
        artifact = build_package(PackageBuilder(self.home), stack, settings)
        self.host.inform(f"{stack}, generation {generation}")
        blueprint = BLUEPRINTS[stack.component](stack, generation, settings)
        self.host.register(blueprint, artifact, secret_reader(self.secrets(order.variables)))
