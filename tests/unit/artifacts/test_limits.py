"""How large a package may be."""

from __future__ import annotations

from semantest_iac.infrastructure.artifacts import package_rules
from semantest_iac.infrastructure.artifacts.source_tree import WalkReport


class TestFaultsOfSize:
    def test_names_every_limit_that_is_passed(self) -> None:
        faults = [*package_rules.check_package_size(package_rules.MAX_FILES + 1, package_rules.MAX_UNPACKED_BYTES + 1)]

        assert [fault.message for fault in faults] == ["more than 20000 files", "more than 250 MB unpacked"]

    def test_allows_what_just_fits(self) -> None:
        assert [*package_rules.check_package_size(package_rules.MAX_FILES, package_rules.MAX_UNPACKED_BYTES)] == []


class TestSurvey:
    def test_is_over_after_too_many_files(self) -> None:
        assert WalkReport(file_count=package_rules.MAX_FILES + 1).is_over_limit
        assert not WalkReport(file_count=package_rules.MAX_FILES).is_over_limit

    def test_says_what_was_left_out(self) -> None:
        survey = WalkReport(links=["b", "a"], secret_files=[".env"])

        assert survey.notes() == ("Left out 2 links: a, b.", "Left out 1 secret-looking file: .env.")
