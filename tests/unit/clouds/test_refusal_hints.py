"""Refusals whose words mislead are explained."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.clouds.refusal_hints import find_refusal_hint


class TestHints:
    @pytest.mark.parametrize(
        ("code", "message", "expected"),
        [
            (
                "BadRequest",
                'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.',
                "security.soft_delete_days",
            ),
            (
                "ConflictError",
                "A vault with the same name already exists in deleted state. You need to either recover or purge "
                "existing key vault.",
                "az keyvault recover",
            ),
            ("Conflict", "The workspace name 'logs' is reserved by a workspace that was deleted.", "14 days"),
            (
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
                "restore-secret",
            ),
        ],
    )
    def test_of_reserved_names_say_how_to_get_them_back(self, code: str, message: str, expected: str) -> None:
        assert expected in find_refusal_hint(code, message)
