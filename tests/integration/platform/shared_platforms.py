"""Whole platforms that the tests of a process share: each test changes one, and leaves it as it was."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from semantest_iac.domain.environments.names import ENVIRONMENTS
from tests.integration.platform.places import PlatformPlace
from tests.layer_sections import GATEWAY_SECTION

CLOUDS = ("aws", "azure")
_IS_WHOLE = os.environ.get("SEMANTEST_PLATFORMS") == "all"
CHANGED_ENVIRONMENTS = ENVIRONMENTS if _IS_WHOLE else ("development", "production")
"""Where platforms are changed and destroyed: one without a private network, and one with it that keeps data."""
GATEWAY_VALUES: dict[str, Any] = {"components": {"platform": GATEWAY_SECTION}}
"""The configuration of a shared platform: one that has its gateway, where the environment has gateways."""


def pair_environments(shift: int) -> list[tuple[str, str]]:
    """Return each cloud with one of these environments, another one for another shift; with SEMANTEST_PLATFORMS=all,
    each cloud with each environment.
    """
    if _IS_WHOLE:
        return [(cloud, it) for cloud in CLOUDS for it in ENVIRONMENTS]
    return [
        (cloud, CHANGED_ENVIRONMENTS[(place + shift) % len(CHANGED_ENVIRONMENTS)]) for place, cloud in enumerate(CLOUDS)
    ]


class SharedPlatforms:
    """Deploys the platform of an environment once, and lends it to one test after the other."""

    def __init__(self, create_folder: Callable[[str], Path]) -> None:
        self._create_folder = create_folder
        self._deployed: dict[tuple[str, str], PlatformPlace] = {}

    @asynccontextmanager
    async def use(self, provider: str, environment: str) -> AsyncIterator[PlatformPlace]:
        """Yield the deployed platform; after a test that failed in between, the next one gets another."""
        place = self._deployed.pop((provider, environment), None)
        if place is None:
            place = PlatformPlace(self._create_folder("platform"), "platform", provider, environment)
            await place.deploy(**GATEWAY_VALUES)
        yield place
        self._deployed[provider, environment] = place
