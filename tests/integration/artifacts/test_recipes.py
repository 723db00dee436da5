from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionCode, FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder


class TestRuntime:
    @pytest.mark.parametrize(
        ("file", "source", "runtime"),
        [
            ("server.js", {"entry": "server.js"}, "nodejs24.x"),
            ("index.js", {"handler": "index.handler"}, "nodejs24.x"),
            ("app.py", {"handler": "app.handler"}, "python3.13"),
        ],
        ids=["a server's entry", "a handler in a JavaScript file", "a handler in a Python file"],
    )
    def test_follows_the_files_of_the_source(
        self, tmp_path: Path, home: Path, file: str, source: dict[str, Any], runtime: str
    ) -> None:
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / file).write_text("")

        artifact = PackageBuilder(home).build(replace(FunctionSource(tmp_path / "source"), **source))

        assert artifact.runtime == runtime

    def test_is_refused_without_an_entry_point(self, tmp_path: Path, home: Path) -> None:
        (tmp_path / "host.json").write_text("{}")
        hints = []
        for provider in ("aws", "azure"):
            with pytest.raises(ArtifactError) as refusal:
                PackageBuilder(home).build(FunctionSource(tmp_path, provider=provider))
            [fault] = refusal.value.faults
            assert fault.path == "source"
            hints.append(fault.hint)

        assert "a handler" in hints[0]
        assert "zip the content of this folder" in hints[1]

    def test_is_required_for_a_zip(self, tmp_path: Path, home: Path) -> None:
        (tmp_path / "package.zip").write_bytes(b"")

        with pytest.raises(ArtifactError) as refusal:
            PackageBuilder(home).build(FunctionSource(tmp_path / "package.zip", handler="app.handler"))

        assert [fault.path for fault in refusal.value.faults] == ["runtime"]


class TestHelperOfCalls:
    @pytest.mark.parametrize(
        ("file", "handler", "added"),
        [
            ("app.py", "app.handler", {"semantest_call.py"}),
            (
                "index.js",
                "index.handler",
                {"node_modules/semantest-call/call.cjs", "node_modules/semantest-call/package.json"},
            ),
        ],
        ids=["python", "nodejs"],
    )
    def test_is_in_the_package_where_functions_call_each_other(
        self, tmp_path: Path, home: Path, file: str, handler: str, added: set[str]
    ) -> None:
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / file).write_text("")
        source = FunctionSource(tmp_path / "source", functions={"orders": FunctionCode(handler)})

        plain, calling = [
            _list_content(PackageBuilder(home).build(it)) for it in (source, replace(source, has_calls=True))
        ]

        assert calling.keys() - plain.keys() == added
        assert {name: calling[name] for name in plain} == plain


def _list_content(artifact: Artifact) -> dict[str, bytes]:
    with ZipFile(artifact.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
