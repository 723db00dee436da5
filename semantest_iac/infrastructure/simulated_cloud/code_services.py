"""Which simulated clouds have a service that takes code, by the name of their Pulumi provider."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud

_HERE: Final = __name__.rpartition(".")[0]
_SERVICES: Final = {"azure-native": (f"{_HERE}.azure.code_service", "CodeService")}


def code_service(package: str, cloud: Cloud) -> Callable[[str, HttpRequest], HttpResponse]:
    """The service beside a cloud, as one who may be asked; KeyError for a cloud without."""
    module, name = _SERVICES[package]
    service: Callable[[str, HttpRequest], HttpResponse] = getattr(import_module(module), name)(cloud)
    return service
