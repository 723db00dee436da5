"""Which simulated clouds have a service that takes code, by the name of their Pulumi provider."""

from __future__ import annotations

from collections.abc import Callable

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud


def code_service(package: str, cloud: Cloud) -> Callable[[str, HttpRequest], HttpResponse]:
    """The service beside a cloud that has one, as one who may be asked."""
    entry = CLOUDS.of_package(package)
    service: Callable[[str, HttpRequest], HttpResponse] = entry.part(entry.code_service)(cloud)
    return service
