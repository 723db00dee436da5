"""What tests of the real engine need."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli, find_pulumi_cli


def needed(variables: Mapping[str, str] = os.environ) -> PulumiCli:
    """Pulumi's CLI; where there is none the test is skipped."""
    try:
        return find_pulumi_cli(variables)
    except RefusedError as error:
        pytest.skip(f"no Pulumi CLI: {error.hint}")
