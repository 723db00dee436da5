"""The names of the package."""

from __future__ import annotations

import pytest

import semantest_iac


class TestNames:
    @pytest.mark.parametrize("name", semantest_iac.__all__)
    def test_are_all_there(self, name: str) -> None:
        assert getattr(semantest_iac, name).__doc__

    def test_that_are_unknown_are_told_as_python_does(self) -> None:
        with pytest.raises(AttributeError, match="has no attribute 'deplyo'"):
            semantest_iac.deplyo  # noqa: B018  # asking is the test
