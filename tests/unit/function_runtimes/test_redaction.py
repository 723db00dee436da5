"""Secrets in what a function leaves behind."""

from __future__ import annotations

from semantest_iac.domain.security.redaction import redact_json


class TestWithoutSecrets:
    def test_masks_them_wherever_they_stand(self) -> None:
        value = {"a": ["x hunter2 y", 1, None], "b": {"c": "hunter2"}}

        assert redact_json(value, ["hunter2"]) == {"a": ["x [secret] y", 1, None], "b": {"c": "[secret]"}}

    def test_masks_the_longer_of_two_first(self) -> None:
        assert redact_json("hunter2000", ["hunter2", "hunter2000"]) == "[secret]"

    def test_leaves_words_alone_that_are_too_short_to_be_secret(self) -> None:
        assert redact_json("yes", ["yes", ""]) == "yes"
