"""What was deleted to be replaced, and could not be created, is there again after going back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import (
    NO_FAULTS,
    FaultEffect,
    FaultScript,
    ScriptedFault,
)
from tests.integration.platform.places import PlatformPlace
from tests.integration.pulumi_engine.engine_home import cli_variables
from tests.pulumi_cli import require_pulumi_cli

_QUEUE = "azure-native:servicebus:Queue"


def _with_queue(**fields: Any) -> dict[str, Any]:
    return {"components": {"messaging": {"queues": {"orders": fields}}}}


@pytest.mark.parametrize("engine", ["sandbox", "pulumi"])
async def test_a_queue_is_there_again(engine: str, tmp_path: Path) -> None:
    variables = None
    if engine == "pulumi":
        variables = cli_variables()
        require_pulumi_cli(variables)
    place = PlatformPlace(tmp_path, "messaging", "azure", "development", variables)
    await place.deploy(**_with_queue())
    before = place.list_cloud()
    place.faults = FaultScript((ScriptedFault(FaultEffect.REFUSE, type=_QUEUE),))

    with pytest.raises(ProviderError):
        await place.deploy(**_with_queue(rejects_duplicates=True))

    assert [it for it in before if it not in place.list_cloud()] == [it for it in before if it[0] == _QUEUE]
    place.faults = NO_FAULTS
    await place.deploy(**_with_queue())
    assert place.list_cloud() == before
    assert (await place.preview(refresh=True, **_with_queue())).is_empty
