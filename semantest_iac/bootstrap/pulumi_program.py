"""The application inside a program that Pulumi started."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.engines import EngineContext

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice


class PulumiProgram(Application):
    """The application in a program that Pulumi started: Pulumi is the engine and keeps the record."""

    def __init__(self, namespace: str) -> None:
        from semantest_iac.infrastructure.pulumi_engine.worker.programs import PulumiProgramHost

        self.host = PulumiProgramHost.from_environment(namespace)
        super().__init__(self.host.folder / (os.environ.get("SEMANTEST_HOME") or ".semantest"))

    def find_provider(self, region: str) -> str | None:
        """Return the only cloud that has a region of this name, as people write it; None for none or several."""
        from semantest_iac.domain.environments.names import Region
        from semantest_iac.infrastructure.clouds.registry import CLOUDS

        found = [name for name, cloud in CLOUDS.items() if Region.parse(region).name in cloud.regions]
        return found[0] if len(found) == 1 else None

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
        """Return Pulumi on the real cloud; raises RefusedError for a configuration with another engine."""
        from semantest_iac.domain.errors import RefusedError
        from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, REAL_CLOUD, EngineChoice

        choice = EngineChoice(PULUMI_ENGINE, REAL_CLOUD)
        if EngineChoice(configuration.engine or PULUMI_ENGINE, configuration.cloud or REAL_CLOUD) == choice:
            return choice
        message = f"Cannot deploy '{stack}' as its configuration says: pulumi is the engine here, on the real cloud."
        hint = "Leave engine and cloud out, or deploy with python -m semantest_iac deploy."
        raise RefusedError(message, "ENGINE_UNSUITABLE", hint=hint)

    def run(self, spec: DeploymentSpec, generation: int) -> None:
        """Build the package and register the resources; raises DeploymentError."""
        from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS, build_package

        stack = spec.stack
        artifact = build_package(self.artifacts_for(spec.engine), stack, spec.settings)
        self.host.log_info(f"{stack}, generation {generation}")
        blueprint = BLUEPRINTS[spec.settings.type](stack, generation, spec.settings)
        context = EngineContext(self.home, spec.engine, self.secrets(spec.variables), self.artifact_store)
        self.host.register_resources(blueprint, artifact, partial(context.reveal_newest, stack))
