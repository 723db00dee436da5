"""What the differential tests share: one key, one process with Pulumi's own engine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli_location import Cli, locate
from tests.differential.worlds import Deployer, Key

_VARIABLES = dict(os.environ)  # each test runs without the variables of whoever started it


def _cli() -> Cli | None:
    try:
        return locate(_VARIABLES)
    except RefusedError:
        return None


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    """What the states of both engines are sealed with."""
    return Key(tmp_path_factory.mktemp("key") / "states")


@pytest.fixture(scope="session")
def deployer() -> Iterator[Deployer]:
    """Pulumi's own engine; skips where there is no CLI."""
    cli = _cli()
    if cli is None:
        pytest.skip("no Pulumi CLI: SEMANTEST_PULUMI, PATH and the cache have none")
    made = Deployer(cli)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was compared."""
    reports = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    told = [value for report in reports for name, value in report.user_properties if name == "differential"]
    if told:
        sequences, operations = sum(value[0] for value in told), sum(value[1] for value in told)
        faults = len([report for report in terminalreporter.stats.get("failed", ()) if "differential" in report.nodeid])
        ending = f"{faults} tests found differences" if faults else "0 differences"
        terminalreporter.write_line(
            f"differential: {sequences} sequences, {operations} operations, seed {told[0][2]}, {ending}"
        )
