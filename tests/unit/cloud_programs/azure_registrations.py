"""Records what the rest-api's program registers on Azure, and finds registrations."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.unit.cloud_programs.recorder import Registration, inputs_of, record_program
from tests.unit.cloud_programs.variants import blueprint

APP = "azure-native:web:WebApp"
ROLE = "azure-native:authorization:RoleAssignment"


@cache
def record_api(variant: str = "plain", environment: str = "development", region: str = "eastus") -> list[Registration]:
    return record_program(blueprint(variant, environment, region, "azure"))


def settings_of(registrations: list[Registration]) -> dict[str, Any]:
    return {pair["name"]: pair["value"] for pair in inputs_of(APP, registrations)["siteConfig"]["appSettings"]}
