"""Deployments that are killed or cancelled, and what the next deployment does then."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

_DEPLOY = ("deploy", "--component", "rest-api", "--json")
_SLOW = ("--set", "components.rest-api.environment.SLOW=1")


def _until(process: subprocess.Popen[str], kind: str) -> dict[str, Any]:
    """Read the output of a process up to the first event of that kind."""
    assert process.stdout is not None
    events = map(json.loads, process.stdout)
    found: dict[str, Any] = next(event for event in events if event.get("type") == f"infrastructure.{kind}")
    return found


class TestKilledDeployments:
    def test_are_closed_and_completed_by_the_next(self, slow_workspace: Any) -> None:
        with slow_workspace.start(*_DEPLOY, *_SLOW) as process:
            _until(process, "deployment.planned")
            process.kill()

        again, preview = slow_workspace.run(*_DEPLOY), slow_workspace.run("preview", *_DEPLOY[1:])

        newest, killed = slow_workspace.run("history", "--json").json
        assert (again.code, newest["state"]) == (0, "completed")
        assert (killed["state"], killed["error"]["code"]) == ("failed", "INTERRUPTED")
        assert preview.json["verdict"] == "no_change"

    def test_can_be_destroyed(self, slow_workspace: Any) -> None:
        with slow_workspace.start(*_DEPLOY, *_SLOW) as process:
            _until(process, "updated")
            process.kill()

        destroyed = slow_workspace.run("destroy", "--component", "rest-api", "--yes", "--json")

        assert (destroyed.code, destroyed.json["state"]) == (0, "completed")
        assert destroyed.json["changes"]["delete"] > 10


class TestCancelledDeployments:
    @pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGHUP, 2)], ids=["once", "twice"])
    def test_say_so_and_exit_4(self, slow_workspace: Any, number: signal.Signals, times: int) -> None:
        with slow_workspace.start(*_DEPLOY, *_SLOW) as process:
            _until(process, "updated")
            assert process.stderr is not None
            err = []
            for _ in range(times):
                process.send_signal(number)
                err.append(process.stderr.readline())
            out, rest = process.communicate()

        result = json.loads(out.splitlines()[-1])
        assert (process.returncode, result["state"]) == (4, "cancelled"), rest
        assert [row["state"] for row in slow_workspace.run("history", "--json").json] == ["cancelled"]
        assert (err[0][:10], "Traceback" in rest) == ("Cancelling", False)


class TestWaitingDeployments:
    def test_name_the_holder_and_can_be_cancelled(self, slow_workspace: Any) -> None:
        with slow_workspace.start(*_DEPLOY, *_SLOW) as first:
            holder = _until(first, "updated")["data"]["deployment_id"]
            with slow_workspace.start(*_DEPLOY) as second:
                assert second.stderr is not None
                waiting = next(line for line in second.stderr if "waiting" in line)
                second.send_signal(signal.SIGTERM)
                out, _ = second.communicate()

            assert f"waiting for deployment {holder} (pid {first.pid} on " in waiting
            assert (second.returncode, json.loads(out.splitlines()[-1])["state"]) == (4, "cancelled")
            states = [row["state"] for row in slow_workspace.run("history", "--json").json]
            assert states == ["cancelled", "verifying"]


class TestClosedPipes:
    def test_do_not_stop_a_deployment(self, workspace: Any) -> None:
        with workspace.start(*_DEPLOY) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.close()
            code, err = process.wait(), process.stderr and process.stderr.read()

        assert (code, [line for line in str(err).splitlines() if not line.startswith("  ")]) == (0, [])
        assert workspace.run("status", "--json").json[0]["state"] == "completed"


class TestRegions:
    def test_are_deployed_at_once_without_a_clash(self, workspace: Any) -> None:
        regions = ("us-east-1", "eu-west-1")
        with (
            workspace.start(*_DEPLOY, "--region", regions[0]) as one,
            workspace.start(*_DEPLOY, "--region", regions[1]) as two,
        ):
            results = [json.loads(process.communicate()[0].splitlines()[-1]) for process in (one, two)]

        assert [(result["state"], result["stack"].rpartition(".")[2]) for result in results] == [
            ("completed", region) for region in regions
        ]
        assert results[0]["endpoint"] != results[1]["endpoint"]
        assert workspace.run("ledger", "verify", "--json").json["intact"] is True


class TestTerminals:
    def test_show_a_live_tree_and_ask_for_consent_to_destroy(self, workspace: Any) -> None:
        deployed = workspace.run_on_terminal("deploy", "--component", "rest-api")
        refused = workspace.run_on_terminal("destroy", "--component", "rest-api", typed="no\n")
        destroyed = workspace.run_on_terminal("destroy", "--component", "rest-api", typed="yes\n")

        assert (deployed.code, refused.code, destroyed.code) == (0, 3, 0)
        assert "lambda.Function" in deployed.out
        assert "GET /health -> 200" in deployed.out
        assert "Type yes to delete rest-api.aws.development.us-east-1: " in destroyed.out
