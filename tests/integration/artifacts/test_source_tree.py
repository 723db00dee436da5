from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter, PathPatterns
from semantest_iac.infrastructure.artifacts.source_tree import WalkReport, copy_source, walk_source

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

    def test_refuses_links_out_of_the_source_by_name(self, source: Path, outside: Path) -> None:
        (source / "file").symlink_to(outside / "secret")
        (source / "folder").symlink_to(outside)
        report = WalkReport()

        assert contents(source, report) == {}
        assert [fault.path for fault in report.faults] == ["file", "folder"]
        assert all("outside of the source" in fault.message and fault.hint for fault in report.faults)

    def test_follows_links_inside_the_source(self, source: Path) -> None:
        (source / "lib").mkdir()
        (source / "lib/a.py").write_text("1")
        (source / "copy").symlink_to("lib")
        (source / "copy2").symlink_to(source / "copy")
        (source / "a.py").symlink_to("lib/a.py")

        assert contents(source) == dict.fromkeys(["a.py", "copy/a.py", "copy2/a.py", "lib/a.py"], b"1")

    @pytest.mark.parametrize("target", [".", "inner", "../source"])
    def test_refuses_a_link_to_a_folder_around_it(self, source: Path, target: str) -> None:
        (source / "inner").mkdir()
        (source / "inner" / "loop").symlink_to("../inner" if target == "inner" else source)
        report = WalkReport()

        assert contents(source, report) == {}
        assert [fault.path for fault in report.faults] == ["inner/loop"]

    def test_refuses_links_that_lead_to_each_other(self, source: Path) -> None:
        (source / "a").symlink_to("b")
        (source / "b").symlink_to("a")
        report = WalkReport()

        assert contents(source, report) == {}
        assert [fault.path for fault in report.faults] == ["a", "b"]

    def test_leaves_out_links_to_nothing(self, source: Path) -> None:
        (source / "gone").symlink_to("nothing")
        report = WalkReport()

        assert contents(source, report) == {}
        assert (report.dangling_links, report.faults) == (["gone"], [])

    def test_does_not_let_a_link_rename_a_secret(self, source: Path) -> None:
        (source / ".env").write_text("KEY=1")
        (source / "settings").symlink_to(".env")
        report = WalkReport()

        assert contents(source, report) == {}
        assert {*report.secret_files} == {".env"}

    def test_follows_links_within_a_wider_boundary(self, tmp_path: Path, outside: Path) -> None:
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / "x").symlink_to(outside)

        found = walk_source(tmp_path / "source", FileFilter(), WalkReport(), tmp_path)

        assert [file.path for file in found] == ["x/secret"]

    def test_names_a_file_that_vanished(self, source: Path) -> None:
        for name in ("a", "b"):
            (source / name).touch()
        files = walk_source(source, FileFilter(), WalkReport())
        first = next(files)

        (source / "a").unlink()
        (source / "b").unlink()

        for act in (first.read, lambda: next(files)):
            with pytest.raises(ArtifactError, match=r"/source/[ab]': it is not there, or was replaced while"):
                act()

    def test_brings_a_secret_file_that_is_included_by_name(self, source: Path) -> None:
        (source / "config").mkdir()
        (source / "config" / ".env.dev").write_text("A=1")
        (source / "key.pem").write_text("-----BEGIN PRIVATE KEY-----")
        included = FileFilter(included=PathPatterns(("config/.env.dev", "key.pem")))
        report = WalkReport()

        found = [file.path for file in walk_source(source, included, report)]

        assert (found, report.secret_files) == (["config/.env.dev", "key.pem"], [])

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
        assert [fault.path for fault in report.faults] == ["b"]

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
