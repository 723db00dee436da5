"""How large a package may be."""

from __future__ import annotations

from semantest_iac.infrastructure.artifacts import limits
from semantest_iac.infrastructure.artifacts.source_tree import Survey


class TestFaultsOfSize:
    def test_names_every_limit_that_is_passed(self) -> None:
        faults = [*limits.faults_of_size(limits.FILES + 1, limits.UNPACKED_BYTES + 1)]

        assert [fault.message for fault in faults] == ["more than 20000 files", "more than 250 MB unpacked"]

    def test_allows_what_just_fits(self) -> None:
        assert [*limits.faults_of_size(limits.FILES, limits.UNPACKED_BYTES)] == []


class TestSurvey:
    def test_is_over_after_too_many_files(self) -> None:
        assert Survey(files=limits.FILES + 1).is_over
        assert not Survey(files=limits.FILES).is_over

    def test_says_what_was_left_out(self) -> None:
        survey = Survey(links=["b", "a"], secrets=[".env"])

        assert survey.notes() == ("Left out 2 links: a, b.", "Left out 1 secret-looking file: .env.")
