"""Whether whoever approves a plan is another person than whoever requested it, however a name is spelled."""

from __future__ import annotations

import pytest

from semantest_iac.domain.deployment.approval import is_same_person


@pytest.mark.parametrize(
    "name",
    ["ana", "Ana", "ANA", " ana ", "a\tna", "a\u200bna", "\uff41\uff4e\uff41", "\u202eana"],
    ids=["as it is", "title", "capitals", "spaces", "a tab", "no width", "full width", "a direction mark"],
)
@pytest.mark.parametrize("requested_by", ["ana", "Ana", "ana, event infrastructure.deployment.requested from core"])
def test_other_spellings_are_the_same_person(name: str, requested_by: str) -> None:
    assert is_same_person(name, requested_by)


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert is_same_person("Ren\u00e9", "Rene\u0301")
    assert is_same_person("strasse", "Stra\u00dfe")


def test_whoever_is_masked_may_be_anybody() -> None:
    assert is_same_person("ana", "***")
    assert is_same_person("ana", "a***, event infrastructure.deployment.requested from core")


@pytest.mark.parametrize("requested_by", ["ben", "anna", "event ana from core", "ben, event ana from core", ""])
def test_others_are_not(requested_by: str) -> None:
    assert not is_same_person("ana", requested_by)
