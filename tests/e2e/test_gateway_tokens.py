"""`serve` verifies the tokens of a gateway with what their issuer publishes by https."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.conftest import Workspace
from tests.e2e.serving import SECONDS, run_gateway
from tests.issuers import Issuer, serve_issuer

Reached = tuple[Issuer, Mapping[str, str]]
"""An issuer, and the variables of processes that reach it."""


@pytest.fixture
def reached(tmp_path: Path) -> Iterator[Reached]:
    with serve_issuer(tmp_path) as reached:
        yield reached


def ask(url: str, token: str) -> int:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_tokens_are_verified_with_the_keys_of_their_issuer(
    provider: str, workspace: Workspace, reached: Reached
) -> None:
    issuer, variables = reached
    workspace = replace(workspace, variables={**workspace.variables, **variables})
    api = {"url": issuer.url, "key": False, "jwt": {"issuer": issuer.url, "audience": ["us"]}}
    component = {"type": "gateway", "gateway": {"apis": {"documents": api}}}
    Path(workspace.folder, "semantest.yaml").write_text(
        json.dumps({"provider": provider, "components": {"gateway": component}})
    )
    deployed = workspace.run("deploy", "gateway")
    assert (deployed.code, deployed.err) == (0, deployed.err)
    fetched_before = [*issuer.fetched]
    outputs = json.loads(workspace.run("outputs", "gateway", "--json").out)
    path = "/live" if provider == "aws" else ""

    with run_gateway(workspace, "serve", "--json", "--port", "0") as gateway:
        region = "us-east-1" if provider == "aws" else "eastus"
        url = f"{gateway.url}/gateway.{provider}.development.{region}{path}/documents/keys"
        answers = [ask(url, token) for token in (issuer.sign(), issuer.sign(signer="2"), issuer.sign(aud="others"))]

    assert answers == [200, 401, 401], outputs
    assert fetched_before == []
    assert issuer.fetched.count(f"{issuer.url}/.well-known/openid-configuration") == 1
