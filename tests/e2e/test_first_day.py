"""A first day: two projects in one home, three environments, a broken version, and nothing left at the end."""

from __future__ import annotations

import json
import re
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_inventory
from tests.documented_examples import write_example
from tests.e2e.conftest import Outcome, Workspace
from tests.example_packages import example_variables, npm_variables

_API = """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/prices/{name}")
def price(name: str) -> dict[str, object]:
    return {"name": name, "price": 3}
"""
_OWN_ENVIRONMENT = "\nenvironments:\n  pr-7: {extends: development}\n"
_WEB = ("--component", "web")


def _start_shop(folder: Path, variables: dict[str, str]) -> Workspace:
    """Write a project with a FastAPI and an Express service, and its first configuration."""
    (folder / "api").mkdir(parents=True)
    (folder / "api" / "main.py").write_text(_API)
    (folder / "api" / "requirements.txt").write_text("fastapi\n")
    (write_example("Express", folder / "web") / "semantest.yaml").unlink()
    shop = Workspace(folder, variables)
    written = shop.run("init", "--yes", "--json")
    assert (written.code, written.json["project"], written.json["faults"]) == (0, "shop", []), written.out
    configuration = folder / "semantest.yaml"
    runtime = "app: main:app\n    runtime: python{}.{}".format(*sys.version_info[:2])  # whose wheels the tests have
    text = re.sub(r"app: main:app(\n    runtime: [^\n]*)?", runtime, configuration.read_text())
    configuration.write_text(text + _OWN_ENVIRONMENT)
    return shop


def _start_bakery(folder: Path, variables: dict[str, str]) -> Workspace:
    """Write a project without code of its own, on the other cloud."""
    folder.mkdir()
    bakery = Workspace(folder, variables)
    assert bakery.run("init", "--yes", "--provider", "azure").code == 0
    return bakery


def _completed(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the results of a command, all of which must be completed."""
    results = [line for line in map(json.loads, outcome.out.splitlines()) if "state" in line]
    assert outcome.code == 0, outcome.out + outcome.err
    assert {result["state"] for result in results} == {"completed"}
    return results


def _answer(workspace: Workspace, component: str, path: str, *options: str) -> Any:
    """Return what the service answers; on a busy machine a cold start may exceed the time limit of the API."""
    for _ in range(3):
        answer = workspace.run("invoke", component, "GET", path, *options, "--json").json
        if answer["status"] != 503:
            break
    return json.loads(answer["body"])


def _memory_change(outcome: Outcome) -> list[tuple[Any, Any]]:
    reasons = chain.from_iterable(resource["why"] for resource in outcome.json["resources"])
    return [(reason["from"], reason["to"]) for reason in reasons if reason["path"] == "memorySize"]


def _deploy_all(shop: Workspace, bakery: Workspace) -> list[dict[str, Any]]:
    """Deploy both projects, and the shop's web server to two more environments; return the results."""
    rehearsed = shop.run("deploy", *_WEB, "--env", "staging", "--engine", "sandbox", "--json")
    assert "'shop.web.aws.staging.us-east-1' is SIMULATED" in rehearsed.err
    return [
        *_completed(rehearsed),
        *_completed(shop.run("deploy", "--component", "all", "--json")),
        *_completed(shop.run("deploy", *_WEB, "--env", "pr-7", "--json")),
        *_completed(bakery.run("deploy", "--component", "rest-api", "--json")),
    ]


class TestFirstDay:
    @pytest.mark.timeout(900)  # twenty seconds of CPU in some twenty commands, many times that on a busy machine
    def test_ends_with_nothing_mixed_and_nothing_left(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        variables = {**example_variables(), **npm_variables(), "SEMANTEST_HOME": str(home)}
        shop = _start_shop(tmp_path / "shop", variables)
        bakery = _start_bakery(tmp_path / "bakery", variables)

        results = _deploy_all(shop, bakery)

        assert {result["stack"] for result in results} == {
            "shop.web.aws.staging.us-east-1",
            "shop.api.aws.development.us-east-1",
            "shop.web.aws.development.us-east-1",
            "shop.web.aws.pr-7.us-east-1",
            "bakery.rest-api.azure.development.eastus",
        }
        assert len({result["endpoint"] for result in results}) == len(results)
        assert _answer(shop, "api", "/prices/tea") == {"name": "tea", "price": 3}
        assert _answer(shop, "web", "/hello/Ada", "--env", "pr-7")["hello"] == "Ada"

        previewed = shop.run("preview", *_WEB, "--set", "components.web.memory=1024", "--json")
        (shop.folder / "web" / "server.js").write_text("throw new Error('broken by hand')\n")
        broken = shop.run("deploy", *_WEB, "--json")

        assert _memory_change(previewed) == [(512, 1024)]
        assert (broken.code, broken.json["state"]) == (1, "rolled_back")
        assert "broken by hand" in json.dumps(broken.json["error"])
        assert _answer(shop, "web", "/hello/Ada", "--env", "development")["hello"] == "Ada"

        _completed(shop.run("destroy", *_WEB, "--env", "pr-7", "--yes", "--json"))
        assert _answer(bakery, "rest-api", "/health")["status"] == "healthy"
        _completed(shop.run("destroy", "--everything", "--yes", "--json"))

        assert {row["endpoint"] for row in shop.run("status", "--json").json} == {None}
        with open_inventory(home / "cloud.db").read_without_transaction() as reader:
            assert [row.id for row in reader.list_by_owner_prefix("")] == []
