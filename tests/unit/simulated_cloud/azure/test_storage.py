"""Storage accounts and public access to their containers."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import CONTAINER, STORAGE, World


class TestAccounts:
    def test_report_their_endpoints(self, world: World) -> None:
        endpoints = world[STORAGE].outputs["primaryEndpoints"]

        assert endpoints["blob"] == "https://stsemantest.blob.core.windows.net/"
        assert endpoints["table"] == "https://stsemantest.table.core.windows.net/"

    @pytest.mark.parametrize(
        ("changes", "replaces"),
        [({"isHnsEnabled": True}, ("isHnsEnabled",)), ({"allowSharedKeyAccess": True}, ())],
        ids=["namespace", "keys"],
    )
    def test_are_replaced_where_an_input_cannot_change(
        self, changes: dict[str, Any], replaces: tuple[str, ...], cloud: SimulatedCloud, world: World
    ) -> None:
        inputs = SAMPLES[STORAGE](world)

        found = cloud.diff(STORAGE, inputs, world[STORAGE].outputs, {**inputs, **changes})

        assert (found.changed, found.replaces) == (tuple(changes), replaces)


class TestContainers:
    def test_warn_when_they_are_public_in_a_private_account(self, make: Any) -> None:
        made = make(CONTAINER, containerName="open", publicAccess="Blob")

        assert made.warnings == ("Public access is not permitted on this storage account.",)
