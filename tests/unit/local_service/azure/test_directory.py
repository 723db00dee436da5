"""A directory in the place of Microsoft Entra."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from semantest_iac.infrastructure.local_service.azure import tokens
from semantest_iac.infrastructure.local_service.azure.tokens import issue_identity_token


class TestKey:
    def test_is_the_same_for_those_who_ask_first_together(self) -> None:
        tokens._generate_key.cache_clear()
        with ThreadPoolExecutor(8) as threads:
            signed = [
                *threads.map(
                    lambda number: issue_identity_token("tenant", "principal", "audience").split("."), range(8)
                )
            ]

        assert len({signature for _, _, signature in signed}) == len({claims for _, claims, _ in signed})
