"""Somebody deletes a resource in the simulated cloud: `drift` and workers find it, and `--fix` brings it back."""

from __future__ import annotations

import signal
import time
from typing import Any

from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_inventory, open_simulated_cloud


def test_drift_is_found_recorded_and_fixed(workspace: Any) -> None:
    (workspace.folder / "service").mkdir()
    code = workspace.folder / "service" / "index.py"
    code.write_text("def handler(event, context):\n    return {'statusCode': 200, 'body': 'ok'}\n", encoding="utf-8")
    source = ("--set", "components.rest-api.source=service", "--set", "components.rest-api.handler=index.handler")
    deployed = workspace.run("deploy", "rest-api", *source, "--json")
    assert deployed.code == 0, deployed.out
    cloud = open_simulated_cloud("aws", open_inventory(workspace.home / "cloud.db"), region="us-east-1")
    topic = next(it for it in cloud.list_resources() if it[0].endswith(":Topic"))
    clean = workspace.run("drift", "--json")
    cloud.delete(*topic)
    code.unlink()  # the package of the deployment is used again

    found = workspace.run("drift", "--json")
    event = workspace.run("events", "--limit", "1", "--json").json[0]
    fixed = workspace.run("drift", "--fix", "--json")
    after = workspace.run("drift", "--json")

    assert [each.code for each in (clean, found, fixed, after)] == [0, 1, 0, 0], fixed.out + fixed.err
    assert [(it["op"], it["name"]) for it in found.json[0]["drift"]] == [("delete", "alerts")]
    assert (event["type"], event["data"]["changes"]["create"]) == ("infrastructure.drift.detected", 1)
    assert (fixed.json["state"], fixed.json["changes"]["create"]) == ("completed", 1)
    assert topic in cloud.list_resources()


def test_a_stack_of_which_only_a_request_waits_has_no_drift(workspace: Any) -> None:
    queued = workspace.run("deploy", "rest-api", "--detach", "--json")

    every = workspace.run("drift", "--json")
    named = workspace.run("drift", "rest-api")

    assert queued.code == 0, queued.out
    assert (every.code, every.json) == (0, []), every.out
    assert (named.code, "nothing that fits is deployed" in named.err) == (2, True), named.err


def test_what_is_simulated_in_another_home_is_neither_checked_nor_destroyed(workspace: Any, tmp_path: Any) -> None:
    log, other = tmp_path / "log.jsonl", ("--home", str(tmp_path / "other"))
    workspace.run("deploy", "rest-api")
    workspace.run("ledger", "export", str(log))
    workspace.run("ledger", "import", str(log), *other)

    refused = [
        workspace.run(*command, *other)
        for command in (("drift", "rest-api"), ("preview", "--destroy"), ("destroy", "rest-api", "--yes"))
    ]
    [row] = workspace.run("status", "--json", *other).json
    deployed = workspace.run("deploy", "rest-api", *other, "--json").json
    destroyed = workspace.run("destroy", "rest-api", "--yes", *other, "--json").json

    assert [each.code for each in refused] == [3] * 3, refused
    assert all("its simulated cloud is in another home" in each.err for each in refused)
    assert (row["state"], deployed["state"], destroyed["changes"]["delete"]) == ("completed", "completed", 19)
    assert workspace.run("drift", "rest-api").code == 0


_TIMEOUT_S = 90.0


def _wait_for_check(workspace: Any, outcome: str, after: str = "") -> str:
    """Wait until a worker has looked for drift with this outcome, later than `after`; returns when that was."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        [row] = workspace.run("status", "--json").json
        if row["drift"] == outcome and row["drift_checked_at"] > after:
            return str(row["drift_checked_at"])
        assert time.monotonic() < deadline, row
        time.sleep(0.2)


def test_workers_find_drift_and_record_it_once(workspace: Any) -> None:
    assert workspace.run("deploy", "rest-api", "--json").code == 0
    [never] = workspace.run("status", "--json").json
    cloud = open_simulated_cloud("aws", open_inventory(workspace.home / "cloud.db"), region="us-east-1")
    topic = next(it for it in cloud.list_resources() if it[0].endswith(":Topic"))
    with workspace.start("worker", "--drift-every", "1s", "--log-format", "json") as worker:
        clean = _wait_for_check(workspace, "no_drift")
        cloud.delete(*topic)
        found = _wait_for_check(workspace, "drift", after=clean)
        _wait_for_check(workspace, "drift", after=found)
        shown = workspace.run("status")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(_TIMEOUT_S) == 0

    types = [event["type"] for event in workspace.run("events", "--json").json]
    assert (never["drift"], never["drift_checked_at"]) == (None, None)
    assert types.count("infrastructure.drift.detected") == 1
    assert "DRIFT" in shown.out and "drift, " in shown.out
    assert workspace.run("queue", "--json").json == []
    assert workspace.run("deploy", "rest-api", "--json").code == 0


def test_workers_that_end_when_idle_have_no_schedule(workspace: Any) -> None:
    refused = workspace.run("worker", "--until-idle", "--drift-every", "6h")
    unclear = workspace.run("worker", "--drift-every", "often")

    assert (refused.code, "omit --until-idle" in refused.err) == (2, True)
    assert (unclear.code, "write it as 90s, 30m, 6h or 1d" in unclear.err) == (2, True)
