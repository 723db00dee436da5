"""Records what the rest-api's program registers on Azure, and finds registrations."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.unit.cloud_programs.recorder import Registration, record_program
from tests.unit.cloud_programs.variants import blueprint

APP = "azure-native:web:WebApp"
ROLE = "azure-native:authorization:RoleAssignment"


@cache
def record_api(variant: str = "plain", environment: str = "development", region: str = "eastus") -> list[Registration]:
    return record_program(blueprint(variant, environment, region, "azure"))


def of_type(type_: str, registrations: list[Registration]) -> list[Registration]:
    return [each for each in registrations if each.type == type_]


def inputs_of(type_: str, registrations: list[Registration]) -> dict[str, Any]:
    [found] = of_type(type_, registrations)
    return found.inputs


def settings_of(registrations: list[Registration]) -> dict[str, Any]:
    return {pair["name"]: pair["value"] for pair in inputs_of(APP, registrations)["siteConfig"]["appSettings"]}
