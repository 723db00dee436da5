"""What the rest-api's program asks of Azure, and ways to find it."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.unit.cloud_programs.recorder import Asked, recorded
from tests.unit.cloud_programs.variants import blueprint

APP = "azure-native:web:WebApp"
ROLE = "azure-native:authorization:RoleAssignment"


@cache
def asked_for(variant: str = "plain", environment: str = "development", region: str = "eastus") -> list[Asked]:
    return recorded(blueprint(variant, environment, region, "azure"))


def all_of(type_: str, asked: list[Asked]) -> list[Asked]:
    return [each for each in asked if each.type == type_]


def the(type_: str, asked: list[Asked]) -> dict[str, Any]:
    [found] = all_of(type_, asked)
    return found.inputs


def settings_of(asked: list[Asked]) -> dict[str, Any]:
    return {pair["name"]: pair["value"] for pair in the(APP, asked)["siteConfig"]["appSettings"]}
