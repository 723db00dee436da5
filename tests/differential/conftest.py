"""Fixtures of the differential tests: one passphrase, one process with Pulumi's own engine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli, find_pulumi_cli
from tests.differential.engine_runners import Deployer, SharedPassphrase

_VARIABLES = dict(os.environ)  # each test runs without the variables of its caller


def _cli() -> PulumiCli | None:
    try:
        return find_pulumi_cli(_VARIABLES)
    except RefusedError:
        return None


@pytest.fixture(scope="session")
def passphrase(tmp_path_factory: pytest.TempPathFactory) -> SharedPassphrase:
    """The passphrase of the states of both engines."""
    return SharedPassphrase(tmp_path_factory.mktemp("key") / "states")


@pytest.fixture(scope="session")
def deployer() -> Iterator[Deployer]:
    """Pulumi's own engine; skips the test without a CLI."""
    cli = _cli()
    if cli is None:
        pytest.skip("no Pulumi CLI: SEMANTEST_PULUMI, PATH and the cache have none")
    made = Deployer(cli)
    yield made
    made.close()
