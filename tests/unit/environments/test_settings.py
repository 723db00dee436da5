from __future__ import annotations

import pytest

from semantest_iac.domain.environments.environment_settings import (
    LOG_RETENTIONS,
    get_environment_settings,
    round_retention,
)
from semantest_iac.domain.environments.names import ENVIRONMENTS, SERVICE_TYPES
from semantest_iac.domain.errors import ValidationError


class TestGetEnvironmentSettings:
    @pytest.mark.parametrize("name", ENVIRONMENTS)
    def test_has_every_environment_with_values_that_clouds_accept(self, name: str) -> None:
        settings = get_environment_settings(name)

        assert settings.name == name
        assert set(settings.services.sizes) == set(SERVICE_TYPES)
        assert settings.monitoring.log_retention_days in LOG_RETENTIONS
        assert settings.security.secret_recovery_days in (0, *range(7, 31))
        assert settings.security.throttling.rate > 0

    def test_understands_aliases(self) -> None:
        assert get_environment_settings("prod") is get_environment_settings("production")

    def test_refuses_an_unknown_name_with_the_nearest(self) -> None:
        with pytest.raises(ValidationError) as caught:
            get_environment_settings("stagin")

        assert caught.value.faults[0].hint.startswith("Did you mean 'staging'?")


class TestRetention:
    @pytest.mark.parametrize(("days", "kept"), [(1, 1), (2, 3), (30, 30), (31, 60), (3653, 3653), (0, 0), (9999, 0)])
    def test_is_rounded_up(self, days: int, kept: int) -> None:
        assert round_retention(days) == kept
