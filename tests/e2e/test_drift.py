"""Somebody deletes a resource in the simulated cloud: `drift` finds it, and `--fix` brings it back."""

from __future__ import annotations

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
