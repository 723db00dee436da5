from __future__ import annotations

import pytest
from pydantic import ValidationError

from semantest_iac_events.values import ChangeCounts, HealthAnswer


class TestChangeCounts:
    def test_is_empty_when_all_stays_the_same(self) -> None:
        assert ChangeCounts(same=19).is_empty

    @pytest.mark.parametrize("change", ["create", "update", "replace", "delete", "keep"])
    def test_is_not_empty_when_anything_changes(self, change: str) -> None:
        assert not ChangeCounts.model_validate({change: 1}).is_empty

    def test_writes_keep_only_if_it_is_not_zero(self) -> None:
        assert "keep" not in ChangeCounts(delete=2).model_dump()
        assert ChangeCounts(keep=2).model_dump(mode="json")["keep"] == 2

    def test_refuses_negative_numbers(self) -> None:
        with pytest.raises(ValidationError):
            ChangeCounts(delete=-1)


class TestHealthAnswer:
    @pytest.mark.parametrize("status", [0, 99, 600])
    def test_refuses_an_invalid_http_status(self, status: int) -> None:
        with pytest.raises(ValidationError):
            HealthAnswer(path="/health", status=status, body="")
