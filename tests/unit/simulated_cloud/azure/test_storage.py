"""Storage accounts and what is open in them."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import CONTAINER, STORAGE, World


class TestAccounts:
    def test_tell_where_they_are_reached(self, world: World) -> None:
        endpoints = world[STORAGE].outputs["primaryEndpoints"]

        assert endpoints["blob"] == "https://stsemantest.blob.core.windows.net/"
        assert endpoints["table"] == "https://stsemantest.table.core.windows.net/"

    @pytest.mark.parametrize(
        ("changes", "replaces"),
        [({"isHnsEnabled": True}, ("isHnsEnabled",)), ({"allowSharedKeyAccess": True}, ())],
        ids=["namespace", "keys"],
    )
    def test_are_made_anew_for_what_cannot_change(
        self, changes: dict[str, Any], replaces: tuple[str, ...], cloud: SimulatedCloud, world: World
    ) -> None:
        inputs = SAMPLES[STORAGE](world)

        found = cloud.diff(STORAGE, inputs, world[STORAGE].outputs, {**inputs, **changes})

        assert (found.changed, found.replaces) == (tuple(changes), replaces)


class TestContainers:
    def test_warn_when_they_are_public_in_a_closed_account(self, make: Any) -> None:
        made = make(CONTAINER, containerName="open", publicAccess="Blob")

        assert made.warnings == ("Public access is not permitted on this storage account.",)
