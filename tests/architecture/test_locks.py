"""The requirement files lock what pyproject.toml asks for, by hash, and name no registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools.check_locks import EXTRAS, checksum_line, find_faults, read_lock, root_requirements, supported_environments
from tools.lock_wheels import PACKAGES, format_wheel, locked_lines


def _locked(root: Path, name: str) -> dict[str, set[str]]:
    """Project name -> its locked versions; some have one for each range of Pythons."""
    text = (root / "requirements" / name).read_text(encoding="utf-8")
    versions: dict[str, set[str]] = {}
    for project, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE):
        versions.setdefault(project, set()).add(version)
    return versions


def _asked(root: Path) -> dict[str, set[str]]:
    settings: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    extras = settings["project"]["optional-dependencies"]
    deploy = (
        settings["project"]["dependencies"] + extras["aws"] + extras["gateway"] + settings["build-system"]["requires"]
    )
    worker = deploy + extras["object-store"] + extras["postgres"] + extras["telemetry"]
    asked = {
        "deploy.txt": deploy,
        "docs.txt": settings["dependency-groups"]["docs"],
        "worker.txt": [line for line in worker if line not in extras["gateway"]],
        "test.txt": deploy + extras["dev"],
    }
    return {file: {re.split(r"[\[<>=!~ ;]", line)[0] for line in lines} for file, lines in asked.items()}


@pytest.mark.parametrize("name", ["deploy.txt", "docs.txt", "worker.txt", "test.txt"])
class TestRequirements:
    def test_hold_all_that_is_asked_for(self, root: Path, name: str) -> None:
        assert _asked(root)[name] - set(_locked(root, name)) == set()

    def test_have_a_hash_each_and_no_address(self, root: Path, name: str) -> None:
        text = (root / "requirements" / name).read_text(encoding="utf-8")

        assert re.search(r"://|^-|^ *--(?!hash=sha256:)", text, re.MULTILINE) is None
        assert re.findall(r"^\w.*\n(?! +--hash)", text, re.MULTILINE) == []


class TestLocks:
    @pytest.mark.parametrize("name", ["deploy.txt", "worker.txt"])
    def test_agree_with_each_other(self, root: Path, name: str) -> None:
        test = _locked(root, "test.txt")

        assert {project: v for project, v in _locked(root, name).items() if not v <= test[project]} == {}

    @pytest.mark.parametrize("name", ["deploy.txt", "worker.txt", "test.txt"])
    def test_hold_no_package_that_could_be_missing_unnoticed(self, root: Path, name: str) -> None:
        lock = read_lock((root / "requirements" / name).read_text(encoding="utf-8"))
        roots = root_requirements(EXTRAS[name])
        unnoticed = [
            package
            for package in lock
            if not any(
                any(find_faults({**lock, package: []}, roots, environment, set()))
                for environment in supported_environments()
            )
        ]

        assert unnoticed == []

    @pytest.mark.parametrize("name", ["deploy.txt", "docs.txt", "worker.txt", "test.txt"])
    def test_carry_the_checksum_of_their_lines(self, root: Path, name: str) -> None:
        first, _, lines = (root / "requirements" / name).read_text(encoding="utf-8").partition("\n")

        assert f"{first}\n" == checksum_line(lines)
        assert f"{first}\n" != checksum_line(lines.partition("\n")[2])


class TestWheels:
    """requirements/nix.txt, from which flake.nix takes what nixpkgs does not have; `make lock` writes it."""

    def test_are_those_that_the_tests_lock(self, root: Path) -> None:
        text = (root / "requirements" / "nix.txt").read_text(encoding="utf-8")
        lock = (root / "requirements" / "test.txt").read_text(encoding="utf-8")
        wheels = re.findall(r"^(([a-z0-9-]+)==\S+) (--hash=sha256:[0-9a-f]{64})$", text, re.MULTILINE)

        assert sorted(name for _, name, _ in wheels) == sorted(PACKAGES) == sorted({*PACKAGES})
        assert len(text.splitlines()) == len(wheels)
        for pinned, name, digest in wheels:
            first, *digests = locked_lines(lock, name).replace("\\\n", "\n").split()
            assert (first, digest in digests) == (pinned, True)

    def test_and_nixpkgs_have_all_that_is_asked_for(self, root: Path) -> None:
        """A new requirement: look whether nixpkgs has it, and add it to the list of the stub or to PACKAGES."""
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        lines = [
            *project["dependencies"],
            *(line for extra in project["optional-dependencies"].values() for line in extra),
        ]
        stub = root / "tests" / "integration" / "nix" / "nixpkgs" / "python_packages.txt"
        known = {*PACKAGES, *stub.read_text(encoding="utf-8").split(), "moto"}  # moto has its extra in the stub itself

        assert {re.split(r"[\[<>=!~ ;]", line)[0] for line in lines} - known == set()

    def test_are_refused_for_one_platform(self) -> None:
        download = {"url": "https://example.com/grimp-3.20-cp312-cp312-manylinux2014_x86_64.whl"}

        with pytest.raises(SystemExit, match="grimp has no wheel for every platform"):
            format_wheel({"metadata": {"name": "grimp", "version": "3.20"}, "download_info": download})

    def test_need_a_package_that_is_locked(self) -> None:
        with pytest.raises(SystemExit, match="holds no pulumi-gcp"):
            locked_lines("pulumi==3.272.0 \\\n    --hash=sha256:0\n", "pulumi-gcp")
