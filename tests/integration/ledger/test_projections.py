from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from semantest_iac.application.queries.history import read_history, read_status
from semantest_iac.application.queries.projection import MemoryRows
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from tests.fakes.memory_ledger import STACK, a_deploy, a_destroy

OTHER = "websocket.azure.staging.westeurope"
LOSSES = {
    "dropped": "drop table projected; drop table deployments; drop table stacks",
    "half dropped": "drop table stacks",
    "emptied": "delete from projected; delete from deployments",
    "outdated": "update projected set position = 3; delete from deployments",
    "of another fold version": "update projected set fold = 0; update stacks set row = '{}'",
}


def _edit(file: Path, statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(statements)


@pytest.fixture
async def deployed(ledger: SqliteLedger) -> SqliteLedger:
    """Two stacks, one of them destroyed and requested again."""
    await ledger.append(STACK, 0, [*a_deploy("d1", outputs={"url": "u"}), *a_destroy("d2")])
    await ledger.append(OTHER, 0, a_deploy("d3", stack=OTHER, endpoint="e"))
    await ledger.append(STACK, None, a_deploy("d4")[:2])
    return ledger


class TestProjection:
    def test_equals_a_fold_of_the_whole_log(self, deployed: SqliteLedger) -> None:
        folded = MemoryRows(deployed.log())

        assert deployed.stacks() == folded.stacks()
        assert deployed.deployments() == folded.deployments(None, None)

    @pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
    async def test_is_replaced_by_a_fold_of_the_log_when_lost(
        self, deployed: SqliteLedger, file: Path, loss: str
    ) -> None:
        before = (read_status(deployed), read_history(deployed))
        _edit(file, loss)

        assert (read_status(deployed), read_history(deployed)) == before
        await deployed.append(STACK, None, a_deploy("d5"))
        assert deployed.deployments() == MemoryRows(deployed.log()).deployments(None, None)

    async def test_takes_no_stack_that_lost_its_row_for_a_new_one(self, deployed: SqliteLedger, file: Path) -> None:
        _edit(file, f"delete from stacks where stack = '{OTHER}'")

        with pytest.raises(LedgerError, match="the number of stacks does not agree with the events"):
            await deployed.append(OTHER, None, a_deploy("d5", stack=OTHER))

    @pytest.mark.parametrize("row", ["not JSON", "{}", "[1]", '{"state": "odd"}'])
    def test_is_repaired_by_a_rebuild(self, deployed: SqliteLedger, file: Path, row: str) -> None:
        before = read_history(deployed)
        _edit(file, f"update deployments set row = '{row}'")
        with pytest.raises(LedgerError, match=r"the row of .* does not agree with the events"):
            read_history(deployed)

        deployed.rebuild()

        assert read_history(deployed) == before
