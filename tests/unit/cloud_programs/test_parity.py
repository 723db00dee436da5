"""The gaps between our clouds, each pinned: one that closes or opens is a line of this file."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from semantest_iac.domain.blueprints.capabilities import Capabilities, label
from semantest_iac.domain.blueprints.features import Feature, everything
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.domain.environments.providers import OURS
from semantest_iac.domain.networking.http_api import HttpApi
from semantest_iac.infrastructure.cloud_programs.cloud import cloud

_STACK = Stack("rest-api", "azure", "development", "eastus")

_GAPS = {
    "aws": set[str](),
    "azure": {
        "ExistingNetwork (security groups)",
        "ExistingNetwork (several subnets)",
        "GatewayLogging",
        "LogStore (more than two years)",
    },
}


def _gaps(capabilities: Capabilities) -> set[str]:
    return {label(wanted) for wanted in everything() if capabilities.lack(wanted)}


class TestGaps:
    @pytest.mark.parametrize(("name", "gaps"), _GAPS.items(), ids=_GAPS)
    def test_are_these(self, name: str, gaps: set[str]) -> None:
        assert _gaps(cloud(name).capabilities) == gaps

    @pytest.mark.parametrize("name", OURS)
    def test_have_a_reason_of_their_own(self, name: str) -> None:
        found = cloud(name)
        bare = replace(found, lacks={}).capabilities

        assert [label(it) for it in everything() if not isinstance(it, Feature) and bare.lack(it)] == [
            label(it) for it in found.lacks if not isinstance(it, Feature)
        ]


class TestMapping:
    def test_that_is_taken_out_shows_in_parity_and_in_the_refusal(self) -> None:
        azure = cloud("azure")
        without = replace(azure, kinds={kind: make for kind, make in azure.kinds.items() if kind is not HttpApi})
        clouds = {"azure": without.capabilities, "aws": cloud("aws").capabilities}

        report = ValidationService(date(2026, 11, 21), OURS, clouds.__getitem__).validate(_STACK, Configuration())

        assert "HttpApi" in _gaps(without.capabilities) - _gaps(azure.capabilities)
        assert [(fault.message, fault.hint) for fault in report.faults] == [
            ("azure has no HttpApi: it has no program for that", "Available on aws.")
        ]
