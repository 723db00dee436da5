from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac_events.catalogue import PUBLISHED_EVENTS


class TestGenerateEventContract:
    def test_reports_nothing_if_the_files_are_current(self, generator: Any, capsys: pytest.CaptureFixture[str]) -> None:
        status = generator.main(["--check"])

        assert (status, *capsys.readouterr()) == (0, "", "")

    def test_writes_a_schema_and_a_sample_per_event(self, generator: Any, tmp_path: Path) -> None:
        status = generator.main([], events=tmp_path / "events")

        written = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert (status, len(written)) == (0, 2 * len(PUBLISHED_EVENTS) + 2)  # and the form of Semantest, and AsyncAPI

    def test_names_stale_missing_and_left_over_files_and_the_command(
        self, generator: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        events = self._outdated(generator, tmp_path)
        capsys.readouterr()

        status = generator.main(["--check"], events=events)

        out, err = capsys.readouterr()
        assert (status, sorted(out.splitlines())) == (
            1,
            [
                "stale: events/asyncapi.yaml",
                "stale: events/conformance/drift_detected.v1.json",
                "stale: events/schemas/forgotten.v1.json",
            ],
        )
        assert "python tools/generate_event_contract.py" in err

    def test_changes_nothing_in_check_mode(self, generator: Any, tmp_path: Path) -> None:
        events = self._outdated(generator, tmp_path)

        generator.main(["--check"], events=events)

        assert (events / "asyncapi.yaml").read_text() == ""

    def test_writes_the_files_that_it_names(self, generator: Any, tmp_path: Path) -> None:
        events = self._outdated(generator, tmp_path)

        generator.main([], events=events)

        assert generator.stale(events) == {}

    @staticmethod
    def _outdated(generator: Any, folder: Path) -> Path:
        events = folder / "events"
        generator.main([], events=events)
        (events / "asyncapi.yaml").write_text("")
        (events / "conformance/drift_detected.v1.json").unlink()
        (events / "schemas/forgotten.v1.json").write_text("{}")
        return events
