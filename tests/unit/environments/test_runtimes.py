from __future__ import annotations

import json
from datetime import date, timedelta
from importlib.resources import files

import pytest

from semantest_iac.domain.environments.runtimes import default_runtime, find_runtime, find_runtime_fault
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

FUNCTION_RUNTIMES = {name: cloud.load_rules().limits.runtimes for name, cloud in CLOUD_ENTRIES.items()}

TODAY = date(2026, 11, 21)


class TestFindRuntimeFault:
    @pytest.mark.parametrize("provider", FUNCTION_RUNTIMES)
    def test_refuses_a_deprecated_runtime_with_its_date_and_successor(self, provider: str) -> None:
        fault = find_runtime_fault("nodejs20.x", provider, FUNCTION_RUNTIMES[provider], TODAY)

        assert fault is not None
        assert fault.message == "nodejs20.x is deprecated since 2026-04-30; use nodejs24.x"

    def test_refuses_from_that_day_on(self) -> None:
        day = date(2025, 9, 1)

        assert find_runtime_fault("nodejs18.x", "aws", FUNCTION_RUNTIMES["aws"], day - timedelta(days=1)) is None
        assert find_runtime_fault("nodejs18.x", "aws", FUNCTION_RUNTIMES["aws"], day) is not None

    def test_names_the_nearest_runtime_when_mistyped(self) -> None:
        fault = find_runtime_fault("nodejs24", "aws", FUNCTION_RUNTIMES["aws"], TODAY)

        assert fault is not None
        assert fault.hint.startswith("Did you mean 'nodejs24.x'?")


class TestDefaultRuntime:
    @pytest.mark.parametrize("provider", FUNCTION_RUNTIMES)
    @pytest.mark.parametrize(("language", "name"), [("nodejs", "nodejs24.x"), ("python", "python3.13")])
    def test_is_current(self, provider: str, language: str, name: str) -> None:
        assert default_runtime(language) == name
        assert find_runtime_fault(name, provider, FUNCTION_RUNTIMES[provider], TODAY) is None


class TestTable:
    def test_has_the_dates_that_cfn_lint_knows(self) -> None:
        pytest.importorskip("cfnlint")
        source = files("cfnlint") / "data" / "AdditionalSpecs" / "LmbdRuntimeLifecycle.json"
        known = json.loads(source.read_text())

        ours = {runtime.name: runtime.deprecated.isoformat() for runtime in FUNCTION_RUNTIMES["aws"]}

        assert ours == {name: known[name]["deprecated"] for name in ours}

    def test_finds_runtimes_by_name(self) -> None:
        assert find_runtime("python3.12", FUNCTION_RUNTIMES["azure"]).version == "3.12"
