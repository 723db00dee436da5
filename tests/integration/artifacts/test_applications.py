"""The adapters of an ASGI or WSGI application are installed with the user's requirements."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from semantest_iac.infrastructure.artifacts.requirements.python_requirements import (
    ADAPTERS,
    plan_requirements,
    read_adapter_lock,
)
from tests.example_packages import use_example_wheels

WriteFiles = Callable[[Path, dict[str, str | bytes]], None]
Names = Callable[[Artifact], list[str]]
PYTHON = "python{}.{}".format(*sys.version_info[:2])
BOUNDED = tuple(name + bounds for name, bounds in ADAPTERS.items())
LOCKED = read_adapter_lock()
HASHED = "idna==3.10 --hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3\n"


def application(source: Path, provider: str, app: str = "main:app") -> FunctionSource:
    return FunctionSource(source, app=app, runtime=PYTHON, provider=provider)


class TestAdapters:
    def plan(self, folder: Path, requirements: str | None, **files: str) -> tuple[str, ...]:
        for name, text in files.items():
            (folder / name.replace("_", ".")).write_text(text)
        if requirements is not None:
            (folder / "requirements.txt").write_text(requirements)
        plan = plan_requirements(folder / "requirements.txt", needs_adapters=True)
        assert plan is not None
        return plan.added

    @pytest.mark.parametrize("requirements", [None, "", "fastapi==0.115.0\n"], ids=["no file", "empty", "others"])
    def test_have_bounds(self, tmp_path: Path, requirements: str | None) -> None:
        assert self.plan(tmp_path, requirements) == BOUNDED

    @pytest.mark.parametrize(
        "line",
        [
            "Mangum==0.17.0",
            "mangum[x]>=0.1",
            "mangum @ https://example/m.whl",
            "./w/mangum-0.19.0-py3-none-any.whl",
        ],
    )
    def test_are_the_user_s_own_where_they_are_named(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "w").mkdir()
        (tmp_path / "w/mangum-0.19.0-py3-none-any.whl").touch()

        assert self.plan(tmp_path, line) == (f"a2wsgi{ADAPTERS['a2wsgi']}",)

    def test_are_the_user_s_own_in_a_nested_file(self, tmp_path: Path) -> None:
        assert self.plan(tmp_path, "-r more.txt", more_txt="mangum==0.17.0") == (f"a2wsgi{ADAPTERS['a2wsgi']}",)

    def test_have_no_bounds_under_constraints(self, tmp_path: Path) -> None:
        added = self.plan(tmp_path, "-c limits.txt", limits_txt="# ours\nMangum==0.17.0\n")

        assert added == ("mangum", f"a2wsgi{ADAPTERS['a2wsgi']}")

    @pytest.mark.parametrize(
        "requirements", [HASHED, HASHED.replace(" --", " \\\n    --"), "--require-hashes\nidna==3.10\n"]
    )
    def test_have_hashes_where_the_user_s_requirements_have(self, tmp_path: Path, requirements: str) -> None:
        assert self.plan(tmp_path, requirements) == tuple(LOCKED)

    def test_have_hashes_where_pip_is_set_to_require_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_REQUIRE_HASHES", "1")

        assert self.plan(tmp_path, "") == tuple(LOCKED)

    def test_leave_out_of_the_lock_what_the_user_locks(self, tmp_path: Path) -> None:
        added = self.plan(tmp_path, "typing_extensions==4.12.2 --hash=sha256:aa\n")

        assert [line.partition("==")[0] for line in added] == ["a2wsgi", "mangum"]

    def test_are_locked_by_hash_and_within_their_bounds(self) -> None:
        names = [re.match(r"[a-z0-9-]+==\S+( --hash=sha256:[0-9a-f]{64})+$", line) for line in LOCKED]

        assert all(names)
        assert {line.partition("==")[0] for line in LOCKED} >= ADAPTERS.keys()

    def test_are_not_for_handlers(self, tmp_path: Path) -> None:
        assert plan_requirements(tmp_path / "requirements.txt") is None


@pytest.mark.parametrize("provider", ["aws", "azure"])
class TestPackages:
    @pytest.mark.parametrize("requirements", [None, "locked"])
    def test_hold_the_adapters(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names, provider: str,
        requirements: str | None,
    ) -> None:  # fmt: skip
        write_files(source, {"main.py": ""})
        if requirements is not None:
            write_files(source, {"requirements.txt": _locked_flask()})

        with use_example_wheels():
            names = list_names(PackageBuilder(home).build(application(source, provider)))

        site = ".python_packages/lib/site-packages/" if provider == "azure" else ""
        assert {"semantest_application.py", f"{site}mangum/__init__.py", f"{site}a2wsgi/__init__.py"} <= set(names)
        assert (f"{site}flask/__init__.py" in names) == (requirements is not None)

    def test_need_the_module(self, home: Path, source: Path, write_files: WriteFiles, provider: str) -> None:
        write_files(source, {"mian.py": ""})

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(application(source, provider))

        assert [(fault.path, fault.message) for fault in caught.value.faults] == [
            ("app", "the source holds no main.py (nor main/__init__.py)")
        ]

    @pytest.mark.parametrize("line", [".", "-e .", "./libs/shop[x]"])
    def test_may_have_the_module_in_a_local_project(
        self, home: Path, source: Path, write_files: WriteFiles, provider: str, line: str
    ) -> None:
        write_files(source, {"requirements.txt": line, "pyproject.toml": "", "libs/shop/pyproject.toml": ""})

        assert PackageBuilder(home).find_packaging_faults(application(source, provider, "shop.main:app")) == ()

    @pytest.mark.parametrize("runtime", ["", PYTHON])
    def test_of_a_framework_need_app(
        self, home: Path, source: Path, write_files: WriteFiles, provider: str, runtime: str
    ) -> None:
        write_files(source, {"main.py": "", "requirements.txt": "FastAPI\n"})

        with pytest.raises(ArtifactError) as caught:
            PackageBuilder(home).build(FunctionSource(source, runtime=runtime, provider=provider))

        assert caught.value.faults[0].hint == "Name the application of FastAPI: app, such as main:app."


def _locked_flask() -> str:
    """Flask and what it needs, with the hashes of the examples' lock."""
    text = (Path(__file__).parents[3] / "requirements/examples.txt").read_text()
    blocks = re.findall(r"^[a-z0-9-]+==.*(?:\n +--hash.*)+", text, re.MULTILINE)
    wanted = ("flask", "werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker")
    return "\n".join(block for block in blocks if block.partition("==")[0] in wanted) + "\n"
