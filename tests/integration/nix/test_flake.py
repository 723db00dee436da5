"""flake.nix evaluates as a whole, takes what pyproject.toml asks for, and its scripts run; Nix builds nothing here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.check_locks import EXTRAS, root_requirements
from tools.lock_wheels import PACKAGES

from .conftest import EvaluationError, Flake

_ROOT = Path(__file__).parents[3]
_SYSTEMS = {"x86_64-linux", "aarch64-linux", "aarch64-darwin"}
_KINDS = ("packages", "apps", "devShells", "checks")
_CHECKS = {"contracts", "fast-tests", "generated", "lint", "package", "sandbox", "types"}
_DEPENDENCIES = """
package: let dependenciesOf = package:
  [ { inherit (package) pname; names = map (each: each.pname) package.dependencies; } ]
  ++ builtins.concatMap dependenciesOf (builtins.filter (each: each ? dependencies) package.dependencies);
in dependenciesOf package
"""


def _names(requirements: list[str], python: str = "3.12") -> set[str]:
    """The projects of requirements without extras, on one version of Python."""
    read = map(Requirement, requirements)
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    return {canonicalize_name(it.name) for it in read if it.marker is None or it.marker.evaluate(environment)}


@pytest.fixture
def script_folder(flake: Flake, tmp_path: Path) -> Path:
    """A folder whose scripts find this test's environment where Nix would put the one that it builds."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, options in (("semantest-iac", " -m semantest_iac"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{options} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return tmp_path


def _run_script(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    variables = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{_ROOT}:{_ROOT / 'events'}",
        "TMPDIR": str(folder),
        "out": str(folder / "out"),
    }
    prelude = "set -e\npatchShebangs() { :; }\n"  # as Nix's builder does
    command = ["bash", "-c", prelude + script]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=150)


class TestOutputs:
    def test_evaluate_for_every_system(self, flake: Flake) -> None:
        outputs = flake.evaluate_everything()

        assert {kind: set(by_system) for kind, by_system in outputs.items()} == dict.fromkeys(_KINDS, _SYSTEMS)
        for system in _SYSTEMS:
            assert set(outputs["packages"][system]) == {"default", "library"}
            assert set(outputs["devShells"][system]) == {"default", "pythoneda"}
            assert set(outputs["checks"][system]) == _CHECKS
            assert outputs["apps"][system]["default"]["program"].endswith("/bin/semantest-iac")

    def test_are_accepted_by_flake_check(self, flake: Flake) -> None:
        flake.check()

    def test_are_other_derivations_for_other_systems(self, flake: Flake) -> None:
        packages = flake.evaluate("packages", "builtins.mapAttrs (_: each: each.default.drvPath)")

        assert len(set(packages.values())) == len(_SYSTEMS)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("pkgs.gnumake\n", "pkgs.gnumaek\n", "attribute 'gnumaek' missing"),
            ("pkgs.gnumake pkgs.nodejs ]; }", "pkgs.gnumaek pkgs.nodejs ]; }", "attribute 'gnumaek' missing"),
            ("[ aiokafka ]", "[ aiokafkka ]", "undefined variable 'aiokafkka'"),
            ("makeWrapper ${runtime}/bin", "makeWrapper ${runtimes}/bin", "undefined variable 'runtimes'"),
            ("lib.getExe semantest-iac", "lib.getProgram semantest-iac", "attribute 'getProgram' missing"),
            ("                ./tools/pulumi-cli\n", "                ./tools/pulumi\n", "holds no"),
            ('lockedWheel "pulumi" {', 'lockedWheel "pulumy" {', "holds no pulumy: run `make lock`"),
            ("build-system = [", "build-systems = [", "unexpected argument 'build-systems'"),
            ('mainProgram = "semantest-iac";', "", "attribute 'mainProgram' missing"),
            ("extras.gateway ++", "extras.gatevay ++", "attribute 'gatevay' missing"),
            ("pythonEda; });", "pythonEda });", "syntax error"),
        ],
    )
    def test_with_a_fault_do_not_evaluate(self, flake: Flake, old: str, new: str, message: str) -> None:
        flake.replace(old, new)

        with pytest.raises(EvaluationError, match=re.escape(message)):
            flake.evaluate_everything()

    def test_need_a_lock_that_holds_every_wheel(self, flake: Flake) -> None:
        lock = flake.file.parent / "requirements" / "nix.txt"
        lock.write_text(re.sub(r"(?m)^pulumi-aws==.*\n", "", lock.read_text(encoding="utf-8")), encoding="utf-8")

        with pytest.raises(EvaluationError, match=r"nix\.txt holds no pulumi-aws"):
            flake.evaluate_everything()


class TestPackage:
    @pytest.fixture
    def dependencies(self, flake: Flake) -> dict[str, set[str]]:
        """What each of our own derivations depends on, by project."""
        listed: list[dict[str, Any]] = flake.evaluate("packages.x86_64-linux.library", _DEPENDENCIES)
        return {each["pname"]: set(each["names"]) for each in listed}

    def test_depends_on_what_deployments_require(self, dependencies: dict[str, set[str]]) -> None:
        built_with = {"hatchling", "editables"}

        assert dependencies["semantest-iac"] == _names(root_requirements(EXTRAS["deploy.txt"])) - built_with

    def test_gives_locked_wheels_what_they_require(self, dependencies: dict[str, set[str]]) -> None:
        wheels = set(dependencies) - {"semantest-iac"}

        assert wheels == {"pulumi", "pulumi-aws", "pulumi-azure-native"}
        assert {name: dependencies[name] for name in wheels} == {name: _names(requires(name) or []) for name in wheels}

    def test_takes_every_locked_wheel_that_is_not_in_nixpkgs(self, flake: Flake) -> None:
        text = flake.file.read_text(encoding="utf-8")

        assert set(re.findall(r'lockedWheel "([\w-]+)"', text)) == set(PACKAGES)

    def test_runs_with_the_interpreter_that_finds_it(self, flake: Flake) -> None:
        script = flake.evaluate("packages.x86_64-linux.default.script")

        assert re.search(r"makeWrapper \S+-python3-env/bin/semantest-iac \$out/bin/semantest-iac", script)
        assert re.search(r"--suffix PATH : \S+-pulumi-bin/bin:\S+-nodejs/bin$", script.strip())


class TestShells:
    def test_hold_the_tools_of_make_test(self, flake: Flake) -> None:
        names = flake.evaluate("devShells.x86_64-linux.default.packages", "map (package: package.pname)")

        assert {"python3", "gnumake", "nodejs", "go", "pulumi-bin", "postgresql", "jq", "actionlint"} <= set(names)

    def test_hold_the_libraries_of_wheels_on_linux_alone(self, flake: Flake) -> None:
        paths = [flake.evaluate(f"devShells.{system}.default.LD_LIBRARY_PATH") for system in sorted(_SYSTEMS)]

        assert [bool(path) for path in paths] == [False, True, True]

    def test_put_no_module_of_pythoneda_before_a_locked_one(self, flake: Flake) -> None:
        path = flake.evaluate("devShells.aarch64-darwin.pythoneda.PYTHONPATH")
        names = [re.sub(r"^.*/store/\w+-|/lib/.*$", "", entry) for entry in path.split(":")]

        assert names == ["domain", "pythoneda-shared-pythonlang-application", "dbus-next", "events"]


class TestScripts:
    def test_of_the_sandbox_deploys_and_destroys(self, flake: Flake, script_folder: Path) -> None:
        ended = _run_script(flake.evaluate("checks.x86_64-linux.sandbox.script"), script_folder)

        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stdout.count("Deployed in") == 2
        assert (script_folder / "out").exists()

    def test_of_a_check_runs_make_without_installing(self, flake: Flake, script_folder: Path) -> None:
        if shutil.which("make") is None:
            pytest.skip("make is not on the PATH")
        script = flake.evaluate("checks.x86_64-linux.generated.script")
        script = re.sub(r"(?<=cp --recursive )\S+", str(flake.file.parent), script)
        script = re.sub(r"(?<=--symbolic )\S+-python3-env/bin", str(script_folder / "bin"), script)
        (script_folder / "build").mkdir()

        ended = _run_script(f"cd build\n{script}", script_folder)

        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "installing" not in ended.stdout
        assert (script_folder / "out").exists()
