"""What events hold of errors."""

from __future__ import annotations

from semantest_iac.application.deployment.failures import as_removal_error, error_fields
from semantest_iac.domain.errors import Fault, ProviderError, ValidationError


class TestErrorFields:
    def test_hold_every_fault(self) -> None:
        error = ValidationError("Cannot deploy.", faults=[Fault("a", "is wrong"), Fault("b", "too")], hint="Mend it.")

        assert error_fields(error) == {
            "code": "VALIDATION_ERROR",
            "reason": "Cannot deploy. a: is wrong. b: too.",
            "hint": "Mend it.",
        }

    def test_hold_every_hint_once(self) -> None:
        faults = [
            Fault("a", "is wrong", "Write it."),
            Fault("b", "too", "Write it."),
            Fault("c", "too", "Leave it out."),
        ]

        assert error_fields(ValidationError("Cannot deploy.", faults=faults))["hint"] == "Write it. Leave it out."

    def test_withhold_the_text_of_an_unexpected_error(self) -> None:
        fields = error_fields(KeyError("hunter2"))

        assert fields["code"] == "INTERNAL_ERROR"
        assert fields["reason"] == "An unexpected KeyError stopped the deployment."

    def test_of_a_removal_speak_of_deleting(self) -> None:
        error = ProviderError("Cannot deploy 'group': No.", provider="aws", hint="Deploy again: what is there is kept.")

        reworded = as_removal_error(error)

        assert reworded.reason == "Cannot delete 'group': No."
        assert reworded.hint.startswith("Destroy again to delete what is left")
