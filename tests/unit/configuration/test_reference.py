"""docs/configuration.md describes every key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.configuration.schema import configuration_schema

REFERENCE = Path(__file__).parents[3] / "docs" / "configuration.md"
SECTIONS: dict[str, Any] = {"Configuration": configuration_schema(), **configuration_schema()["$defs"]}


class TestReference:
    @pytest.mark.parametrize("section", SECTIONS)
    def test_names_every_key(self, section: str) -> None:
        text = REFERENCE.read_text(encoding="utf-8")

        missing = [key for key in SECTIONS[section]["properties"] if key not in text]

        assert missing == []
