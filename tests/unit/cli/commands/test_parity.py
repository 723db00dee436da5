"""`parity`: what the clouds say of themselves."""

from __future__ import annotations

import json

from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.blueprints.capabilities import RESOURCE_KINDS, Capabilities
from semantest_iac.domain.networking.apis import HttpApi
from tests.unit.cli.conftest import Cli, World

_AZURE = Capabilities(
    "azure",
    frozenset(RESOURCE_KINDS) - {HttpApi},
    {capabilities.WARM_INSTANCES: "its functions sleep"},
    {capabilities.MEMORY_SIZE: "in steps"},
)


class TestParity:
    def test_shows_a_row_for_everything_and_a_column_for_each_cloud(self, cli: Cli) -> None:
        title, *rows = cli("parity").out.splitlines()

        assert title.split() == ["AWS", "AZURE"]
        assert len(rows) == len(list(capabilities.list_capabilities()))
        assert all(row.split()[-2:] == ["yes", "yes"] for row in rows)

    def test_gives_the_reason_below_where_a_cloud_lacks_something(self, cli: Cli, world: World) -> None:
        world.capabilities["azure"] = _AZURE

        lines = cli("parity").out.splitlines()

        [warm] = [line.split() for line in lines if "warm instances" in line]
        assert warm[2:] == ["yes", "no", "(3)"]
        assert lines[-3:] == [
            "(1) azure: it has no program for that",
            "(2) azure: in steps",
            "(3) azure: its functions sleep",
        ]

    def test_is_a_list_for_programs(self, cli: Cli, world: World) -> None:
        world.capabilities["azure"] = _AZURE

        rows = {(row["kind"], row["feature"]): row["clouds"] for row in json.loads(cli("parity", "--json").out)}

        assert rows["HttpApi", None] == {
            "aws": {"supported": True, "note": ""},
            "azure": {"supported": False, "note": "it has no program for that"},
        }
        assert rows["HttpApi", "CORS"]["azure"]["supported"] is False
        assert rows["ServerlessFunction", "memory"]["azure"] == {"supported": True, "note": "in steps"}
