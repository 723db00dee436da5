"""`pulumi up` on the project's Pulumi.yaml, with the real CLI and without the Pulumi engine of this project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.environments.names import ENVIRONMENT_ALIASES
from tests.integration.pulumi_program.conftest import Checkout, read_state

_FULL = "rest-api.aws.staging.us-east-1"
_ACCOUNT = "account.aws.staging.us-east-1"
_FUNCTION = "aws:lambda/function:Function"
_OWN = re.compile(r'"(ciphertext|path)": "[^"]*"')  # these differ between runs
_DEPLOYMENT_DIGITS = re.compile(r'-[0-9a-f]{4}(?=-[0-9a-f]{6}")')  # in a secret's name; `pulumi up` has no deployment
_CANARY = "canary-5ecre7-value"
_WITH_SECRET = """\
components:
  rest-api:
    memory: 1024
    environment:
      TOKEN: ${secrets.token}
"""


def _deploy_with_engine(folder: Path, config: Path) -> dict[str, Any]:
    """Return the state after `deploy --engine pulumi --cloud sandbox` with the same configuration."""
    root = Path(__file__).parents[3]
    command = ("deploy", "--component", "rest-api", "--env", "staging", "--engine", "pulumi", "--cloud", "sandbox")
    subprocess.run(
        [sys.executable, "-m", "semantest_iac", *command, "--config", str(config), "--json"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": f"{root}{os.pathsep}{root / 'events'}",
            "SEMANTEST_SECRET_TOKEN": _CANARY,
        },
        capture_output=True,
        check=True,
        timeout=120,
    )
    return read_state(folder / ".semantest" / "pulumi" / "state", _FULL)


def _comparable(state: dict[str, Any]) -> dict[str, str]:
    """Return inputs and names of outputs by URN; ids of the cloud are replaced by the URNs of their resources."""
    names = {each["id"]: each["urn"] for each in state["resources"] if "id" in each}
    longest_first = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    texts = {each["urn"]: json.dumps(each.get("inputs"), sort_keys=True) for each in state["resources"]}
    known = {urn: longest_first.sub(lambda match: names[match[0]], text) for urn, text in texts.items()}
    outputs = {urn: sorted(each.get("outputs", ())) for urn, each in zip(texts, state["resources"], strict=True)}
    known = {
        urn: _DEPLOYMENT_DIGITS.sub("", text) if "aws:secretsmanager" in urn else text for urn, text in known.items()
    }
    return {urn: _OWN.sub("", text) + str(outputs[urn]) for urn, text in known.items()}


class TestPulumiUp:
    async def test_creates_what_deploy_creates(self, checkout: Checkout, tmp_path: Path) -> None:
        (checkout.folder / "semantest.yaml").write_text(_WITH_SECRET)
        checkout.variables["SEMANTEST_SECRET_TOKEN"] = _CANARY
        await checkout.run("stack", "init", _FULL)

        run = await checkout.up(_FULL)
        ours = _deploy_with_engine(tmp_path, checkout.folder / "semantest.yaml")

        assert run.code == 0, run.text
        assert _comparable(checkout.state(_FULL)) == _comparable(ours)
        assert _CANARY not in f"{run.text}{checkout.state(_FULL)}"

    async def test_reads_the_environment_from_the_name_and_the_rest_from_the_configuration(
        self, checkout: Checkout
    ) -> None:
        await checkout.run("stack", "init", "production")
        keys = ("component=users-api", "project=shop", "provider=aws", "generation=2")
        words = [word for key in keys for word in ("-c", f"semantest:{key}")]
        typed = ("--config-path", "-c", "semantest:components.users-api.type=rest-api")
        first = await checkout.up("production", *typed, *words)

        again = await checkout.up("production", *typed, "-c", "semantest:components.users-api.memory=2048")

        (function,) = (each for each in checkout.state("production")["resources"] if each["type"] == _FUNCTION)
        assert (first.code, again.code) == (0, 0), first.text + again.text
        assert "shop.users-api.aws.production.us-east-1, generation 2" in first.text
        assert function["inputs"]["name"].startswith("shop-users-api-prod-")
        assert ("~ 2 updated" in again.text, function["inputs"]["memorySize"]) == (True, 2048), again.text

    async def test_builds_no_package_for_a_component_without_code(self, checkout: Checkout) -> None:
        await checkout.run("stack", "init", _ACCOUNT)

        run = await checkout.up(_ACCOUNT)

        made = {each["type"] for each in checkout.state(_ACCOUNT)["resources"] if each.get("retainOnDelete")}
        assert (run.code, "aws:apigateway/account:Account" in made) == (0, True), run.text

    async def test_reads_secrets_that_pulumi_encrypts(self, checkout: Checkout) -> None:
        (checkout.folder / "with-secret.yaml").write_text(_WITH_SECRET)
        await checkout.run("stack", "init", "qa")
        await checkout.run("config", "set", "-s", "qa", "--secret", "--path", "semantest:secrets.token", _CANARY)

        words = ("-c", "semantest:component=rest-api", "-c", "semantest:config=with-secret.yaml")
        run = await checkout.up("qa", *words)

        kept = (checkout.folder / "Pulumi.qa.yaml").read_text()
        assert run.code == 0, run.text
        assert "secret-token" in run.text
        assert _CANARY not in f"{run.text}{checkout.state('qa')}{kept}"


class TestPlatform:
    """`pulumi stack select dev && pulumi up`: the platform, with the location and the owner in Pulumi.dev.yaml."""

    @pytest.mark.parametrize(
        ("stack", "location", "provider"), [("dev", "westus2", "azure"), ("prod", "us-east-1", "aws")]
    )
    async def test_is_what_a_stack_named_after_its_environment_deploys(
        self, checkout: Checkout, stack: str, location: str, provider: str
    ) -> None:
        await checkout.run("stack", "init", stack)
        for key, value in (("location", location), ("owner", "platform-team")):
            await checkout.run("config", "set", "-s", stack, key, value)
        await checkout.run("stack", "select", stack)

        first = await checkout.run("up", "--yes", "--skip-preview")
        again = await checkout.run("up", "--yes", "--skip-preview", "--stack", stack)

        written = (checkout.folder / f"Pulumi.{stack}.yaml").read_text()
        tags = [it["inputs"].get("tags") for it in checkout.state(stack)["resources"] if "inputs" in it]
        assert (first.code, again.code) == (0, 0), first.text + again.text
        assert f"platform.{provider}.{ENVIRONMENT_ALIASES.get(stack, stack)}.{location}, generation 1" in first.text
        assert re.search(r"Resources:\n +[0-9]+ unchanged\n\n", again.text), again.text
        assert {"encryptionsalt", "semantest-infrastructure:location", "semantest-infrastructure:owner"} <= {
            *re.findall(r"[\w-]+(?::[a-z]+)?(?=: )", written)
        }
        assert {tag["Owner"] for tag in tags if isinstance(tag, dict) and "Owner" in tag} == {"platform-team"}


class TestRefusal:
    async def test_reports_every_fault_without_a_traceback(self, checkout: Checkout) -> None:
        (checkout.folder / "semantest.yaml").write_text("components:\n  rest-api:\n    memroy: 1024\n    timeout: 99\n")
        await checkout.run("stack", "init", "production")

        run = await checkout.up("production", "-c", "semantest:component=rest-apy", "-c", "semantest:region=mars-1")

        assert "error: Cannot accept component 'rest-apy': 4 faults." in run.text
        assert "semantest.yaml:3:5 components.rest-api.memroy: unknown key" in run.text
        assert "Did you mean 'rest-api'?" in run.text
        assert (run.code != 0, "Traceback" in run.text) == (True, False)

    async def test_of_a_simulated_cloud_comes_before_any_change(self, checkout: Checkout) -> None:
        (checkout.folder / "semantest.yaml").write_text("cloud: sandbox\n")
        await checkout.run("stack", "init", _FULL)

        run = await checkout.up(_FULL)

        assert "pulumi is the engine here, on the real cloud" in run.text
        assert (run.code != 0, "Traceback" in run.text) == (True, False)
