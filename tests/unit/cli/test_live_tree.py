"""A running deployment as a live tree."""

from __future__ import annotations

import io

from semantest_iac.domain.ports.artifact_builder import PackagingRun
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.presentation.cli.live_tree import LiveTreeView
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac_events.deployments import DeploymentRequested

_URN = "urn:pulumi:s::p::semantest:messaging:NotificationChannel$aws:sns/topic:Topic::"
_REQUESTED = DeploymentRequested(
    component="rest-api", provider="aws", environment="development", region="us-east-1", configuration={}
)


def _drawn(*ticks: ResourceProgress) -> str:
    out = io.StringIO()
    with LiveTreeView(Terminal(out, io.StringIO()), "", CLOUD_ENTRIES) as view:
        for tick in ticks:
            view.operation_progressed(tick)
    return out.getvalue()


def _tick(name: str, state: str) -> ResourceProgress:
    return ResourceProgress(_URN + name, "aws:sns/topic:Topic", name, "create", state, 0.5)


class TestLiveTree:
    def test_groups_resources_under_their_component(self) -> None:
        drawn = _drawn(_tick("alerts", "done"), _tick("news", "failed"))

        assert drawn.count("messaging.NotificationChannel") == 1
        assert "alerts  done 0.50 s" in drawn
        assert "news  failed 0.50 s" in drawn

    def test_shows_the_duration_of_a_running_operation(self) -> None:
        assert "0.0 s" in _drawn(_tick("alerts", "running"))

    def test_of_packaging_ends_before_lines_are_printed(self) -> None:
        out = io.StringIO()
        with LiveTreeView(Terminal(out, io.StringIO()), "", CLOUD_ENTRIES) as view:
            with PackagingRun(view.operation_progressed).report_step("build", "npm run build"):
                pass
            view.on_event(_REQUESTED)
            view.operation_progressed(_tick("alerts", "done"))

        drawn = out.getvalue()
        assert drawn.index("npm run build") < drawn.index("rest-api.aws.development.us-east-1") < drawn.index("alerts")
        assert drawn.count("npm run build  done") == 1

    def test_is_empty_without_operations(self) -> None:
        assert _drawn() == ""
