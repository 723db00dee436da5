"""Which values of secrets are masked, and what is said of the others before they are used."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.security.masking import find_masking_problem

SETTINGS: dict[str, Any] = {
    "components": {"rest-api": {"source": "src/shop-front", "environment": {"KEY": "${secrets.key}", "MODE": "quiet"}}}
}


class TestFindMaskingProblem:
    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            ("abc", "fewer than 4 characters"),
            (" ab\n", "fewer than 4 characters"),
            ("true", "a common word or a small number"),
            ("Production", "a common word or a small number"),
            ("8080", "a common word or a small number"),
            ("quiet", "also written in components.rest-api.environment.MODE"),
            ("shop-front", "also written in components.rest-api.source"),
        ],
    )
    def test_says_what_cannot_be_masked(self, value: str, problem: str) -> None:
        assert problem in find_masking_problem(value, SETTINGS)

    @pytest.mark.parametrize("value", ["correct-horse-battery", "80801", "secrets.key"])
    def test_says_nothing_of_others(self, value: str) -> None:
        assert find_masking_problem(value, SETTINGS) == ""
