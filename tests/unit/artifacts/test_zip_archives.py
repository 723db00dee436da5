from __future__ import annotations

import io
import zipfile
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from semantest_iac.infrastructure.artifacts.zip_archives import ReproducibleZip

Files = dict[str, bytes]
CHARACTERS = st.characters(min_codepoint=33, blacklist_categories=["Cs", "Cc"], blacklist_characters="/\\")
NAMES = st.text(CHARACTERS, min_size=1)


def archive_of(files: Files) -> tuple[bytes, str]:
    target = io.BytesIO()
    archive = ReproducibleZip(target)
    for path, content in files.items():
        archive.add(path, content, executable=path.endswith(".sh"))
    digest = archive.finish()
    return target.getvalue(), digest


class TestReproducibleZip:
    @settings(derandomize=True, max_examples=60, deadline=None)
    @given(st.dictionaries(NAMES, st.binary(max_size=3000), max_size=6))
    def test_is_readable_by_the_standard_library(self, files: Files) -> None:
        content, _ = archive_of(files)

        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            assert {entry.orig_filename: archive.read(entry) for entry in archive.infolist()} == files

    def test_compresses_files_larger_than_the_window(self) -> None:
        long = bytes(range(256)) * 4000

        content, _ = archive_of({"long": long, "empty": b""})

        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.read("long") == long
            assert archive.read("empty") == b""

    def test_holds_more_files_than_the_first_zip_format_can_count(self) -> None:
        content, _ = archive_of({str(number): b"" for number in range(65_600)})

        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert len(archive.infolist()) == 65_600
            assert archive.read("65599") == b""

    def test_returns_the_hash_of_its_bytes(self) -> None:
        content, digest = archive_of({"a": b"1"})

        assert digest == sha256(content).hexdigest()

    def test_writes_fixed_dates_and_modes(self) -> None:
        content, _ = archive_of({"a": b"1", "run.sh": b"2"})

        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            facts = [(e.date_time, e.create_system, oct(e.external_attr >> 16)) for e in archive.infolist()]
        assert facts == [((1980, 1, 1, 0, 0, 0), 3, "0o100644"), ((1980, 1, 1, 0, 0, 0), 3, "0o100755")]
