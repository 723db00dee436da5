"""What carries out the requests of a PythonEDA application: a worker, and the application that accepts them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.intake.deployment_specs import build_spec, resolve_stack
from semantest_iac.application.queries.following import follow_deployment
from semantest_iac.application.queries.history import find_owning_engine, list_deployed_components
from semantest_iac.application.worker import report_nothing
from semantest_iac.application.worker_service import WorkerService, WorkerSettings
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES
from semantest_iac.domain.environments.names import read_component_type
from semantest_iac.domain.errors import LedgerError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, read_engine_choice
from semantest_iac.infrastructure.home_folder import make_home_folder
from semantest_iac.infrastructure.pythoneda_bridge.bridge_files import BridgeFiles
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent, StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested

if TYPE_CHECKING:
    from semantest_iac.application.intake.request_origin import RequestOrigin
    from semantest_iac.application.ports.ledger import LedgerReader
    from semantest_iac.application.ports.run_queue import Receipt
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.infrastructure.configuration.loading import ParsedConfiguration
    from semantest_iac.infrastructure.pythoneda_bridge.deployments_port import BridgeSettings
    from semantest_iac.infrastructure.pythoneda_bridge.messages import ReceivedRequest
    from semantest_iac.infrastructure.pythoneda_bridge.stack_mapping import WantedStack
    from semantest_iac_events.event import Event
