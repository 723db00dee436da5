"""Whether PythonEDA is there, without importing it."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.pythoneda_bridge.installation import (
    PYTHONEDA_MODULES,
    PythonedaMissingError,
    require_pythoneda,
)


class TestInstallation:
    @pytest.mark.parametrize("version", [(3, 11), (3, 12)])
    def test_is_enough_with_every_module(self, version: tuple[int, int]) -> None:
        require_pythoneda(version, lambda module: True)

    def test_lacks_modules_that_are_named_with_their_flakes(self) -> None:
        with pytest.raises(PythonedaMissingError) as refusal:
            require_pythoneda((3, 11), lambda module: module == "pythoneda.shared")

        assert [fault.path for fault in refusal.value.faults] == list(PYTHONEDA_MODULES)[1:]
        assert all("github:" in fault.hint for fault in refusal.value.faults)

    def test_is_of_no_use_where_events_cannot_be_created(self) -> None:
        with pytest.raises(PythonedaMissingError) as refusal:
            require_pythoneda((3, 13), lambda module: True)

        assert [fault.hint for fault in refusal.value.faults] == ["Use Python 3.11 or 3.12."]

    def test_is_looked_for_without_an_import(self) -> None:
        with pytest.raises(PythonedaMissingError, match="Cannot start"):
            require_pythoneda((3, 13))
