"""Deployments that do not come to their end, and what the next one makes of it."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

_DEPLOY = ("deploy", "--component", "rest-api", "--json")
_SLOW = ("--set", "components.rest-api.environment.SLOW=1")


def _until(process: subprocess.Popen[str], kind: str) -> dict[str, Any]:
    """The first event of that kind in the output of a process."""
    assert process.stdout is not None
    events = map(json.loads, process.stdout)
    found: dict[str, Any] = next(event for event in events if event.get("type") == f"infrastructure.{kind}")
    return found


class TestKilledDeployments:
    def test_are_closed_and_finished_by_the_next(self, slow_desk: Any) -> None:
        with slow_desk.start(*_DEPLOY, *_SLOW) as process:
            _until(process, "deployment.planned")
            process.kill()

        again, preview = slow_desk.run(*_DEPLOY), slow_desk.run("preview", *_DEPLOY[1:])

        newest, killed = slow_desk.run("history", "--json").json
        assert (again.code, newest["state"]) == (0, "completed")
        assert (killed["state"], killed["error"]["code"]) == ("failed", "INTERRUPTED")
        assert preview.json["verdict"] == "no_change"

    def test_can_be_destroyed(self, slow_desk: Any) -> None:
        with slow_desk.start(*_DEPLOY, *_SLOW) as process:
            _until(process, "updated")
            process.kill()

        destroyed = slow_desk.run("destroy", "--component", "rest-api", "--yes", "--json")

        assert (destroyed.code, destroyed.json["state"]) == (0, "completed")
        assert destroyed.json["changes"]["delete"] > 10


class TestCancelledDeployments:
    def test_say_so_and_exit_4(self, slow_desk: Any) -> None:
        with slow_desk.start(*_DEPLOY, *_SLOW) as process:
            _until(process, "updated")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()

        result = json.loads(out.splitlines()[-1])
        assert (process.returncode, result["state"]) == (4, "cancelled"), err
        assert slow_desk.run("status", "--json").json[0]["state"] == "cancelled"
        assert "Traceback" not in err


class TestWaitingDeployments:
    def test_say_for_whom_and_leave_no_trace_when_called_off(self, slow_desk: Any) -> None:
        with slow_desk.start(*_DEPLOY, *_SLOW) as first:
            holder = _until(first, "updated")["data"]["deployment_id"]
            with slow_desk.start(*_DEPLOY) as second:
                assert second.stderr is not None
                waiting = next(line for line in second.stderr if "waiting" in line)
                second.send_signal(signal.SIGTERM)
                out, _ = second.communicate()

            assert f"waiting for deployment {holder} (pid {first.pid} on " in waiting
            assert (second.returncode, json.loads(out)["error"]["code"]) == (4, "CANCELLED")
            assert len(slow_desk.run("history", "--json").json) == 1


class TestClosedPipes:
    def test_do_not_stop_a_deployment(self, desk: Any) -> None:
        with desk.start(*_DEPLOY) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.close()
            code, err = process.wait(), process.stderr and process.stderr.read()

        assert (code, err) == (0, "")
        assert desk.run("status", "--json").json[0]["state"] == "completed"


class TestRegions:
    def test_are_deployed_at_once_without_a_clash(self, desk: Any) -> None:
        regions = ("us-east-1", "eu-west-1")
        with desk.start(*_DEPLOY, "--region", regions[0]) as one, desk.start(*_DEPLOY, "--region", regions[1]) as two:
            results = [json.loads(process.communicate()[0].splitlines()[-1]) for process in (one, two)]

        assert [(result["state"], result["stack"].rpartition(".")[2]) for result in results] == [
            ("completed", region) for region in regions
        ]
        assert results[0]["endpoint"] != results[1]["endpoint"]
        assert desk.run("ledger", "verify", "--json").json["intact"] is True


class TestTerminals:
    def test_show_a_live_tree_and_ask_before_they_destroy(self, desk: Any) -> None:
        deployed = desk.on_terminal("deploy", "--component", "rest-api")
        kept = desk.on_terminal("destroy", "--component", "rest-api", typed="no\n")
        destroyed = desk.on_terminal("destroy", "--component", "rest-api", typed="yes\n")

        assert (deployed.code, kept.code, destroyed.code) == (0, 3, 0)
        assert "compute.ServerlessFunction" in deployed.out
        assert "GET /health -> 200" in deployed.out
        assert "Type yes to delete rest-api.aws.development.us-east-1: " in destroyed.out
