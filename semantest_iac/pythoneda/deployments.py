"""What a PythonEDA application enables to have its requests for infrastructure carried out.

    @enable(InfrastructureDeployments, home=".semantest", slots=2, forward_events=True)
    class App(PythonEDA): ...

Importing this module also makes the listeners known that answer the requests.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from semantest_iac.bootstrap.pythoneda_service import open_pythoneda_service
from semantest_iac.infrastructure.pythoneda_bridge.bridge import BridgeService
from semantest_iac.infrastructure.pythoneda_bridge.deployments_port import DeploymentsPort


class InfrastructureDeployments(DeploymentsPort):
    """Carries out the requests of the application in the home of `semantest-iac`."""

    def open_service(self, application: str) -> AbstractAsyncContextManager[BridgeService]:
        """Return a worker of the home and what accepts requests there."""
        return open_pythoneda_service(self.settings, application)
