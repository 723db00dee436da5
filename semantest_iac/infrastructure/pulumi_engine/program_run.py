"""The program of a stack, as the engine runs it inside the child."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac.infrastructure.cloud_programs import program
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud
from semantest_iac.infrastructure.cloud_programs.context import Context


class ProgramRun:
    """Callable as often as the engine wants; `fault` is what the program itself objected to.

    The cloud's SDK is imported while the CLI starts, which takes as long.
    """

    def __init__(self, work: Work, cloud: Cloud, secrets: Mapping[str, str]) -> None:
        self.fault: DeploymentError | None = None
        self._work = work
        self._cloud = cloud
        self._secrets = secrets
        threading.Thread(target=program.load, args=(cloud, work.blueprint), daemon=True).start()

    async def __call__(self) -> None:
        """Register every resource with the engine, and let every registration begin before the SDK looks for them.

        If it finds none, it goes on to wait for all outputs at once, again and again, one registration at a time: the
        time of a run then grows with the square of the resources.
        """
        work = self._work
        program.load(self._cloud, work.blueprint)
        blueprint, secret_value = work.blueprint, self._secrets.__getitem__
        context = Context(blueprint.stack, blueprint.generation, work.artifact, secret_value, held=work.held)
        try:
            program.deploy(work.blueprint, self._cloud, context)
        except DeploymentError as error:
            self.fault = error
            raise
        await asyncio.sleep(0)
