"""Finds the simulated cloud of a Pulumi provider, and opens the file that it is stored in."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.durable_files import create_empty_file, make_private_folder
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import NO_FAULTS, FaultScript, load_fault_script
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory


def open_simulated_cloud(
    package: str, inventory: Inventory, *, region: str, faults: FaultScript = NO_FAULTS
) -> SimulatedCloud:
    """Open the simulated cloud of a provider package in a region; raise KeyError for one that is not simulated."""
    entry = CLOUDS.find_by_package(package)
    simulated: Callable[..., SimulatedCloud] = entry.load_part(entry.simulated_cloud)
    return simulated(inventory, region=region, faults=faults)


def find_code_service(package: str, cloud: SimulatedCloud) -> Callable[[str, HttpRequest], HttpResponse]:
    """Return the handler of requests to the service that takes code for a cloud; it takes an origin and a request."""
    entry = CLOUDS.find_by_package(package)
    service: Callable[[str, HttpRequest], HttpResponse] = entry.load_part(entry.code_service)(cloud)
    return service


@cache
def open_inventory(path: Path) -> Inventory:
    """Open the inventory of a file, once per process."""
    make_private_folder(path.parent)
    create_empty_file(path)
    return Inventory(path)


def cloud_factory(path: Path) -> Callable[[str, str], SimulatedCloud]:
    """Return a function that opens the cloud of a package in a region; `faults.json` beside the file scripts faults."""
    faults = load_fault_script(path.with_name("faults.json"))
    return lambda package, region: open_simulated_cloud(package, open_inventory(path), region=region, faults=faults)
