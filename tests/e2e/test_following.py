"""One process deploys, others follow it live and see every step in order until the end."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES

_STACK = "rest-api.aws.development.us-east-1"


def _read_until(process: subprocess.Popen[str], wanted: Any) -> list[dict[str, Any]]:
    """Read lines of JSON up to the first that is wanted."""
    assert process.stdout is not None
    read: list[dict[str, Any]] = []
    for line in process.stdout:
        read.append(json.loads(line))
        if wanted(read[-1]):
            return read
    raise AssertionError(f"it ended after {read}")


def test_every_step_is_seen_as_it_is_recorded(workspace: Any) -> None:
    with (
        workspace.start("events", "--follow", "--journal", "--json") as followed,
        workspace.start("status", "--watch", "--json") as watched,
        workspace.start("deploy", "rest-api", "--json") as deploying,
    ):
        events = _read_until(followed, lambda event: event["type"] in TERMINAL_EVENT_TYPES)
        rows = _read_until(watched, lambda row: row["state"] == "completed")
        assert deploying.wait(workspace.timeout_s) == 0
        for each in (followed, watched):
            each.send_signal(signal.SIGINT)
        assert [each.wait(60) for each in (followed, watched)] == [0, 0]

    listed = workspace.run("events", "--journal", "--json").json
    assert events == listed
    assert [int(event["sequence"]) for event in events] == list(range(1, len(events) + 1))
    assert {row["stack"] for row in rows} == {_STACK}

    id_ = listed[-1]["data"]["deployment_id"]
    again = workspace.run("events", "--follow", "--deployment", id_[:8], "--journal", "--json")
    of_deployment = [event for event in listed if event["data"].get("deployment_id") == id_]
    assert (again.code, [json.loads(line) for line in again.out.splitlines()]) == (0, of_deployment)
