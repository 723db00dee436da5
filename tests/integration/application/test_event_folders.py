"""Folders of sources and targets are relative to the file that names them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from semantest_iac.bootstrap.application import Application


@pytest.mark.parametrize("folder", ["out", "../out", "{absolute}"])
def test_a_target_writes_beside_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    file, elsewhere = tmp_path / "conf" / "my.yaml", tmp_path / "elsewhere"
    file.parent.mkdir()
    elsewhere.mkdir()
    written = folder.format(absolute=tmp_path / "somewhere")
    file.write_text(f"event_targets: {{log: {{type: files, folder: '{written}'}}}}\n", encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    application = Application(tmp_path / ".semantest")

    [target] = application.event_targets(application.configuration(file=file, environ={}))

    async def connect() -> None:
        async with target.connect():
            pass

    asyncio.run(connect())
    assert (file.parent / written).is_dir()
    assert list(elsewhere.iterdir()) == []
