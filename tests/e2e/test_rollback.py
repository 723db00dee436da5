"""`rollback`: back to an earlier deployment from what is recorded, with no source folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Workspace
from tests.e2e.serving import run_gateway

_SERVICE = "def handler(event, context):\n    return {{'statusCode': 200, 'body': '{name}'}}\n"
_CONFIGURATION = """\
provider: {provider}
components:
  rest-api: {{source: api, handler: app.handler, runtime: python3.13, memory: {memory}}}
"""


class Place:
    """A folder with a service, and its commands."""

    def __init__(self, workspace: Workspace, provider: str) -> None:
        self.workspace = workspace
        self.provider = provider
        self.region = {"aws": "us-east-1", "azure": "eastus"}[provider]

    @property
    def folder(self) -> Path:
        return self.workspace.folder

    def deploy(self, name: str, memory: int = 512) -> dict[str, Any]:
        (self.folder / "api").mkdir(exist_ok=True)
        (self.folder / "api" / "app.py").write_text(_SERVICE.format(name=name), encoding="utf-8")
        configuration = _CONFIGURATION.format(provider=self.provider, memory=memory)
        (self.folder / "semantest.yaml").write_text(configuration, encoding="utf-8")
        deployed = self.workspace.run("deploy", "rest-api", "--json")
        assert deployed.code == 0, deployed.out
        return dict(deployed.json)

    def remove_checkout(self) -> None:
        shutil.rmtree(self.folder / "api")
        (self.folder / "semantest.yaml").unlink()

    def call(self) -> str:
        called = self.workspace.run("invoke", "rest-api", "GET", "/version", "--json")
        return str(called.json["body"])


@pytest.fixture(params=["aws", "azure"])
def place(request: pytest.FixtureRequest, workspace: Workspace) -> Place:
    return Place(workspace, request.param)


def test_goes_back_without_a_checkout_and_can_be_undone(place: Place) -> None:
    first, second = place.deploy("one"), place.deploy("two", memory=1024)
    place.remove_checkout()

    looked = place.workspace.run("rollback", "--to", "1", "--dry-run", "--json")
    back = place.workspace.run("rollback", "rest-api", "--json")
    answer = place.call()
    rest = place.workspace.run("rollback", "--to", first["deployment"][:8], "--dry-run", "--json")
    undone = place.workspace.run("rollback", "--deployment", back.json["deployment"], "--json")
    history = place.workspace.run("history", "--json").json
    shown = place.workspace.run("history").out

    assert (looked.code, looked.json["target"]) == (0, {"deployment": first["deployment"], "number": 1})
    assert looked.json["changes"]["update"] > 0
    assert (back.code, back.json["kind"], back.json["restored_deployment"]) == (0, "rollback", first["deployment"])
    assert (answer, rest.json["verdict"], place.call()) == ("one", "no_change", "two")
    assert undone.json["restored_deployment"] == second["deployment"]
    assert [(row["number"], row["kind"]) for row in history] == [
        (4, "rollback"),
        (3, "rollback"),
        (2, "deploy"),
        (1, "deploy"),
    ]
    assert ("rollback to 2" in shown, "rollback to 1" in shown) == (True, True)


def test_of_the_code_alone_touches_nothing_else(place: Place) -> None:
    for name in ("one", "two"):
        place.deploy(name)
    with run_gateway(place.workspace, "serve", "--port", "0", "--json") as gateway:
        path = f"/rest-api.{place.provider}.development.{place.region}/version"
        before = gateway.get(path)
        back = place.workspace.run("rollback", "rest-api", "--json")
        after = gateway.get(path)
    again = place.workspace.run("rollback", "rest-api", "--to", "1", "--dry-run", "--json").json
    newer = place.deploy("three")

    planned = next(each for each in back.events if each["type"] == "infrastructure.deployment.planned")
    touched = [(each["name"], each["op"]) for each in planned["data"]["resources"]]
    assert (before, after, back.json["state"]) == ("two", "one", "completed"), back.out
    assert touched == [("live" if place.provider == "aws" else "function", "update")]
    assert (again["verdict"], newer["state"], place.call()) == ("no_change", "completed", "three")
    if place.provider == "aws":
        [served] = [each["data"] for each in back.events if each["type"] == "infrastructure.function.deployed"]
        assert (served["version"], back.json["outputs"]["function_version"]) == ("1", "1")


def test_that_loses_data_is_refused_unless_that_is_accepted_by_name(workspace: Workspace) -> None:
    configured = ("--set", "components.rest-api.environment.FIRST=${secrets.first}")
    with_secret = Workspace(workspace.folder, {"SEMANTEST_SECRET_FIRST": "the value of first"})
    with_secret.run("deploy", "rest-api", "--json")
    deployed = with_secret.run("deploy", "rest-api", *configured, "--json")

    looked = with_secret.run("rollback", "rest-api", "--dry-run")
    [option] = [line for line in looked.out.splitlines() if "--accept-data-loss" in line]
    names = option.rpartition(" ")[2]
    refused = with_secret.run("rollback", "rest-api", "--json")
    too_many = with_secret.run("rollback", "rest-api", "--accept-data-loss", f"{names},live", "--json")
    outputs = with_secret.run("status", "--json").json[0]["outputs"]
    accepted = with_secret.run("rollback", "rest-api", "--to", "1", "--accept-data-loss", names, "--json")

    assert deployed.code == 0, deployed.out
    assert (refused.code, refused.json["state"], refused.json["error"]["code"]) == (3, "rejected", "DATA_LOSS")
    assert f"--accept-data-loss {names}" in refused.json["error"]["hint"]
    assert "loses the value of the secret" in refused.json["error"]["message"]
    assert (too_many.code, "live: it loses no data" in too_many.json["error"]["message"]) == (3, True)
    assert outputs["function_version"] == deployed.json["outputs"]["function_version"]
    assert (accepted.code, accepted.json["state"]) == (0, "completed"), accepted.out
    requested = json.loads(accepted.out.splitlines()[0])
    assert requested["data"]["accepted_data_loss"] == names.split(",")


def test_asks_for_one_target_at_a_time(workspace: Workspace) -> None:
    both = workspace.run("rollback", "rest-api", "--to", "1", "--last-good", "--json")
    nothing = workspace.run("rollback", "rest-api", "--json")

    assert (both.code, both.json["error"]["code"]) == (2, "VALIDATION_ERROR")
    assert (nothing.code, nothing.json["error"]["code"]) == (2, "NOT_FOUND")


def test_is_left_to_a_worker(workspace: Workspace) -> None:
    place = Place(workspace, "aws")
    place.deploy("one")
    place.deploy("two")

    left = workspace.run("rollback", "rest-api", "--detach", "--json")
    workspace.run("worker", "--until-idle")

    assert (left.code, left.json["state"], place.call()) == (0, "pending", "one")
