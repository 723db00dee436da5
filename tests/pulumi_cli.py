"""Skips tests of the real engine without a CLI."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli, find_pulumi_cli


def require_pulumi_cli(variables: Mapping[str, str] = os.environ) -> PulumiCli:
    """Return Pulumi's CLI, or skip the test."""
    try:
        return find_pulumi_cli(variables)
    except RefusedError as error:
        pytest.skip(f"no Pulumi CLI: {error.hint}")
