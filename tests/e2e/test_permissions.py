"""`doctor --permissions`: what deploying needs, and how it compares with what somebody has."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Workspace


@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_role_that_is_printed_is_enough(workspace: Workspace, provider: str) -> None:
    command = ("doctor", "--permissions", "rest-api", "--env", "production", "--provider", provider)
    role, less = workspace.folder / "role.json", workspace.folder / "less.json"

    needed = workspace.run(*command, "--json")
    role.write_text(json.dumps(needed.json["deploy_role"]), encoding="utf-8")
    enough = workspace.run(*command, "--granted", str(role))
    less.write_text('{"Statement": [], "Actions": ["Microsoft.Web/*"]}', encoding="utf-8")
    lacking = workspace.run(*command, "--granted", str(less), "--json")

    assert (needed.code, enough.code, "Nothing is missing." in enough.out) == (0, 0, True)
    assert (lacking.code, bool(lacking.json["granted"]["missing"])) == (1, True)
    assert not workspace.home.exists()


def test_places_need_the_option(workspace: Workspace) -> None:
    refused = workspace.run("doctor", "rest-api", "--json")
    unreadable = workspace.run("doctor", "--permissions", "rest-api", "--granted", "nothing.json", "--json")

    assert (refused.code, refused.json["error"]["code"]) == (2, "VALIDATION_ERROR")
    assert (unreadable.code, unreadable.json["error"]["code"]) == (2, "STORAGE_ERROR")
