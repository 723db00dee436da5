"""A running deployment as plain lines."""

from __future__ import annotations

import io
import threading
import time

import pytest

from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.ports.provisioner import report_step, step_progress
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.presentation.cli.deployment_views import PlainView, StepLines
from semantest_iac.presentation.cli.formatting import format_step
from semantest_iac.presentation.cli.terminal import Terminal

_BUILT = PackageBuilt(
    component="rest-api",
    provider="aws",
    environment="development",
    region="us-east-1",
    deployment_id="d1",
    digest="0" * 64,
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


class TestStepLines:
    def test_are_printed_when_a_step_lasts_and_when_it_ends(self) -> None:
        lines: list[str] = []
        steps, shown = StepLines(lines.append, shown_after_s=0.01), threading.Event()

        with report_step(steps.operation_progressed, "build", "npm run build"):
            shown.wait(0.2)
            begun = list(lines)

        assert begun == ["  building npm run build"]
        assert lines[1].startswith("  built npm run build  0.")

    def test_are_none_for_a_quick_step(self) -> None:
        lines: list[str] = []
        steps = StepLines(lines.append)

        with report_step(steps.operation_progressed, "plan", "the changes"):
            pass
        with pytest.raises(RuntimeError), report_step(steps.operation_progressed, "bundle", "a.ts"):
            raise RuntimeError
        steps.close()

        assert lines == []

    @pytest.mark.parametrize(
        ("op", "state", "line"),
        [
            ("wait", "running", "  waiting for it"),
            ("wait", "failed", "  stopped waiting for it  2.0 s"),
            ("bundle", "failed", "  could not bundle it  2.0 s"),
            ("rollback", "failed", "  could not roll back it  2.0 s"),
        ],
    )
    def test_say_how_it_ended(self, op: str, state: str, line: str) -> None:
        assert format_step(step_progress(op, "it", state, 2.0)) == line

    def test_have_one_line_for_each_state_whatever_the_words(self) -> None:
        lines: list[str] = []
        steps = StepLines(lines.append, shown_after_s=0)
        for name, state in [("GET /", "running"), ("GET /: 404", "running"), ("GET /: 200", "done")]:
            steps.operation_progressed(step_progress("check", name, state, 2.0))
            time.sleep(0.05)

        assert lines == ["  checking GET /", "  checked GET /: 200  2.0 s"]
