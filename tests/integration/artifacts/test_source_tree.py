from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.artifacts.source_tree import FileFilter, WalkReport, copy_source, walk_source

SECRET = b"outside"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(SECRET)
    return folder


def contents(root: Path, report: WalkReport | None = None) -> dict[str, bytes]:
    return {file.path: file.read() for file in walk_source(root, FileFilter(), report or WalkReport())}


def contents_despite_changes(root: Path) -> list[bytes]:
    try:
        return [*contents(root).values()]
    except ArtifactError:
        return []


def swap_until_stopped(stop: threading.Event, folder: Path, outside: Path) -> None:
    """Make `folder` a folder with a file of the secret's name, then a link to the real one, again and again."""
    while not stop.is_set():
        folder.mkdir()
        (folder / "secret").write_bytes(b"harmles")
        (folder / "secret").unlink()
        folder.rmdir()
        folder.symlink_to(outside)
        folder.unlink()


class TestWalkSource:
    def test_yields_files_in_the_order_of_their_parts(self, source: Path) -> None:
        for path in ("b", "a/z", "a/b/c", "a.txt"):
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).touch()

        assert [*contents(source)] == ["a/b/c", "a/z", "a.txt", "b"]

    def test_follows_no_link(self, source: Path, outside: Path) -> None:
        (source / "file").symlink_to(outside / "secret")
        (source / "folder").symlink_to(outside)
        (source / "loop").symlink_to(source)
        report = WalkReport()

        assert contents(source, report) == {}
        assert report.links == ["file", "folder", "loop"]

    def test_opens_no_special_file(self, source: Path) -> None:
        os.mkfifo(source / "fifo")
        os.mknod(source / "sock", stat.S_IFSOCK | 0o600)
        report = WalkReport()

        assert contents(source, report) == {}
        assert report.special_files == ["fifo", "sock"]

    def test_does_not_enter_a_folder_that_became_a_link(self, source: Path, outside: Path) -> None:
        (source / "a").touch()
        (source / "b").mkdir()
        report = WalkReport()
        files = walk_source(source, FileFilter(), report)
        next(files)

        (source / "b").rmdir()
        (source / "b").symlink_to(outside)

        assert [*files] == []
        assert report.links == ["b"]

    def test_reads_nothing_outside_while_links_are_swapped_in(self, source: Path, outside: Path) -> None:
        stop = threading.Event()
        swapper = threading.Thread(target=swap_until_stopped, args=(stop, source / "b", outside))
        swapper.start()

        found = [content for _ in range(150) for content in contents_despite_changes(source)]
        stop.set()
        swapper.join()

        assert SECRET not in found

    def test_does_not_read_a_file_that_became_a_link(self, source: Path, outside: Path) -> None:
        (source / "a").write_bytes(SECRET)
        file = next(files := walk_source(source, FileFilter(), WalkReport()))

        (source / "a").unlink()
        (source / "a").symlink_to(outside / "secret")

        with pytest.raises(ArtifactError):
            file.read()
        files.close()

    def test_does_not_wait_for_a_file_that_became_a_fifo(self, source: Path) -> None:
        (source / "a").touch()
        file = next(files := walk_source(source, FileFilter(), WalkReport()))

        (source / "a").unlink()
        os.mkfifo(source / "a")

        with pytest.raises(ArtifactError):
            file.read()
        files.close()

    def test_refuses_a_file_that_grew_since_it_was_found(self, source: Path) -> None:
        (source / "a").write_text("1")
        file = next(files := walk_source(source, FileFilter(), WalkReport()))

        (source / "a").write_text("22")

        with pytest.raises(ArtifactError):
            file.read()
        files.close()

    def test_reports_all_bad_names_at_once(self, source: Path) -> None:
        for name in (b"new\nline", b"back\\slash", b"caf\xe9", "e\u0301".encode(), "\u00e9".encode()):
            (source / os.fsdecode(name)).touch()
        report = WalkReport()

        contents(source, report)

        assert len(report.faults) == 4

    def test_refuses_endless_depth(self, source: Path) -> None:
        (source / "/".join(["d"] * 62)).mkdir(parents=True)
        report = WalkReport()

        contents(source, report)

        assert "deeper" in report.faults[0].message

    def test_leaves_out_private_keys_and_keeps_certificates(self, source: Path) -> None:
        (source / "store.p12").touch()
        (source / "tls.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\nx")
        (source / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nx")
        report = WalkReport()

        assert [*contents(source, report)] == ["ca.pem"]
        assert report.secret_files == ["store.p12", "tls.pem"]


class TestCopySource:
    def test_copies_included_names_with_fixed_modes(self, source: Path, tmp_path: Path) -> None:
        for name in (".npmrc", ".env", "run.sh", "index.js"):
            (source / name).touch()
        (source / "run.sh").chmod(0o700)

        copy_source(source, tmp_path / "copy", FileFilter(included_names=frozenset({".npmrc"})))

        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "copy").iterdir()}
        assert modes == {".npmrc": "0o644", "run.sh": "0o755", "index.js": "0o644"}

    def test_refuses_names_that_no_package_can_hold(self, source: Path, tmp_path: Path) -> None:
        (source / "back\\slash").touch()

        with pytest.raises(ArtifactError):
            copy_source(source, tmp_path / "copy", FileFilter())
