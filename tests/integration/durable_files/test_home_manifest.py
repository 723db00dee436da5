"""The manifest of a home: what is noted, what is read again, and what is refused."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import StorageError
from semantest_iac.infrastructure.home_manifest import HomeManifest, ManifestContent


@pytest.fixture
def manifest(tmp_path: Path) -> HomeManifest:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "cloud.db").touch()
    return HomeManifest(tmp_path)


def _rewrite(manifest: HomeManifest, **fields: Any) -> None:
    """Change fields as another version would write them, with the right checksum."""
    raw = json.loads(manifest.path.read_text()) | fields
    del raw["check"]
    raw["check"] = zlib.crc32(json.dumps(raw, sort_keys=True).encode())
    manifest.path.write_text(json.dumps(raw))


def test_is_absent_at_first(manifest: HomeManifest) -> None:
    assert manifest.read() is None


def test_keeps_the_newest_head_the_engines_and_the_formats_of_parts(manifest: HomeManifest) -> None:
    manifest.note_stack("s", "sandbox")
    manifest.note_ledger_head(7, "b", with_copies=True)
    manifest.note_ledger_head(5, "a")

    assert manifest.read() == ManifestContent(7, "b", {"s": "sandbox"}, {"cloud.db": 1, "sandbox": 3})


def test_is_read_from_a_copy_when_it_is_lost(manifest: HomeManifest) -> None:
    manifest.note_ledger_head(7, "b", with_copies=True)
    manifest.note_ledger_head(9, "c")
    manifest.path.unlink()

    found = manifest.read()

    assert found and (found.position, found.hash) == (7, "b")


def test_never_fails_where_it_cannot_be_written(manifest: HomeManifest, tmp_path: Path) -> None:
    manifest.path.mkdir()

    manifest.note_ledger_head(1, "a")
    HomeManifest(tmp_path / "nowhere").note_ledger_head(1, "a")

    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 2}, "the home has format 2, this version knows 1"),
        ({"parts": {"cloud.db": 9}}, "cloud.db has format 9, this version knows 1"),
        ({"parts": {"queue.db": 1}}, "queue.db has format 1, this version knows none"),
    ],
)
def test_of_a_newer_version_is_refused(manifest: HomeManifest, fields: dict[str, Any], message: str) -> None:
    manifest.note_ledger_head(1, "a")
    _rewrite(manifest, **fields)

    with pytest.raises(StorageError, match=message) as refusal:
        manifest.read()

    assert refusal.value.error_code == "HOME_NEWER"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"application": "other"}', '{"application": "semantest-iac"}'])
def test_that_is_damaged_or_foreign_is_refused(manifest: HomeManifest, content: str) -> None:
    manifest.path.write_text(content)

    with pytest.raises(StorageError, match="not the manifest of a home, or it is damaged") as refusal:
        manifest.read()

    assert (refusal.value.error_code, "semantest-iac repair" in refusal.value.hint) == ("HOME_MANIFEST_DAMAGED", True)


def test_notices_any_changed_byte(manifest: HomeManifest) -> None:
    manifest.note_ledger_head(1, "a")
    content = manifest.path.read_bytes()

    for place in range(len(content)):
        manifest.path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(StorageError):
            manifest.read()
