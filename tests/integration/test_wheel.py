"""The wheel, built from the source distribution, works in an empty folder without a checkout."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import sysconfig
import tarfile
import venv
from importlib.metadata import requires
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_RECORD_OPENED_FILES = """\
import os, sys
def record(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str):
        if arguments[0].startswith({root!r}) and not arguments[0].startswith({libraries!r}):
            with_fd = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(with_fd, (arguments[0] + chr(10)).encode())
            os.close(with_fd)
sys.addaudithook(record)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and with the libraries of this one in place of downloaded ones."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder), at=_ROOT)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    source = next(path for path in folder.iterdir() if path.is_dir())
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), at=source)
    environment = folder / "venv"
    venv.create(environment, with_pip=True)
    wheel = next(folder.glob("*.whl"))
    _run(str(environment / "bin/pip"), "install", "--quiet", "--no-deps", "--no-index", str(wheel), at=folder)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    libraries = site.getsitepackages()[0]
    packages.joinpath("libraries.pth").write_text(libraries + "\n")  # a path alone: its own .pth files are not read
    packages.joinpath("sitecustomize.py").write_text(
        _RECORD_OPENED_FILES.format(root=f"{_ROOT}{os.sep}", libraries=libraries, log=str(folder / "opened"))
    )
    return environment


def test_deploys_in_an_empty_folder_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    program = str(installed / "bin/semantest-iac")
    for provider in ("aws", "azure"):
        printed = _run(program, "deploy", "rest-api", "--provider", provider, "--json", at=tmp_path)
        assert json.loads(printed.splitlines()[-1])["state"] == "completed"

    status = json.loads(_run(program, "status", "--json", at=tmp_path))

    assert {row["stack"] for row in status} == {
        "rest-api.aws.development.us-east-1",
        "rest-api.azure.development.eastus",
    }
    assert not installed.with_name("opened").exists(), installed.with_name("opened").read_text()


def test_brings_its_man_page_and_bill_of_materials(installed: Path) -> None:
    page = (installed / "share/man/man1/semantest-iac.1").read_text()
    (document,) = installed.glob("lib/*/site-packages/semantest_iac-*.dist-info/sboms/*.cdx.json")
    bill = json.loads(document.read_text())

    assert ".SS semantest\\-iac deploy" in page
    listed = {component["name"] for component in bill["components"]}
    assert listed >= {"click", "pulumi", "pulumi-aws", "pulumi-azure-native", "psycopg", "faststream"}
    assert not listed & {"pytest", "hatchling", "semantest-iac"}


def test_every_extra_is_in_the_bill_of_materials() -> None:
    bill = json.loads((_ROOT / "requirements/sbom.cdx.json").read_text())
    listed = {component["name"] for component in bill["components"]}
    of_tests_alone = {"flask", "flask-cors", "moto"}  # the extra local-data is for a machine of a developer

    required = {
        _package_name(line)
        for line in requires("semantest-iac") or ()
        if "extra" not in line or not line.endswith(("== 'dev'", '== "dev"'))
    }

    assert required - of_tests_alone <= listed


def _package_name(requirement: str) -> str:
    return next(part for part in requirement.replace("[", " ").replace(">", " ").replace("<", " ").split())


def _run(*command: str, at: Path) -> str:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SEMANTEST"))}
    ended = subprocess.run(command, cwd=at, env=variables, capture_output=True, text=True, timeout=150, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
