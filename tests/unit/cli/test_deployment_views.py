"""A running deployment as plain lines."""

from __future__ import annotations

import io

import pytest

from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.ports.artifact_builder import PackagingRun
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.presentation.cli.deployment_views import PlainView
from semantest_iac.presentation.cli.terminal import Terminal

_BUILT = PackageBuilt(
    component="rest-api",
    provider="aws",
    environment="development",
    region="us-east-1",
    deployment_id="d1",
    digest="0" * 64,
    path="package.zip",
    handler="app.handler",
    runtime="python3.13",
    size=1,
    variables={},
    notes=(".env was left out.",),
)


class TestPlainView:
    def test_prints_notes_of_the_package_to_stderr(self) -> None:
        out, err = io.StringIO(), io.StringIO()

        PlainView(Terminal(out, err), "", CLOUD_ENTRIES).on_event(_BUILT)

        assert (out.getvalue(), err.getvalue()) == ("", "Note: .env was left out.\n")

    def test_prints_a_step_of_packaging_when_it_begins_and_ends(self) -> None:
        out = io.StringIO()
        view = PlainView(Terminal(out, io.StringIO()), "", CLOUD_ENTRIES)

        with PackagingRun(view.operation_progressed).report_step("build", "npm run build"):
            begun = out.getvalue()
        with pytest.raises(RuntimeError), PackagingRun(view.operation_progressed).report_step("bundle", "a.ts"):
            raise RuntimeError

        lines = out.getvalue().splitlines()
        assert begun == "  building npm run build\n"
        assert lines[1].startswith("  built npm run build  ")
        assert lines[2] == "  bundling a.ts"
        assert lines[3].startswith("  could not bundle a.ts  ")
