"""Secrets of deployed stacks are set, rotated and audited, in the sandbox of both clouds and on the Pulumi engine."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.deployment.rollback import find_last_good
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.ports.secret_store import SecretValue
from semantest_iac.application.secrets.stack_secrets import ListedSecret, StackSecrets
from semantest_iac.application.use_cases import SecretRotation
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.blueprints.secret_access import SecretAudit
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError, RefusedError, ValidationError
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SANDBOX_ENGINE, SIMULATED_CLOUD, EngineChoice
from semantest_iac.domain.networking.http_exchange import HttpRequest
from tests.pulumi_cli import require_pulumi_cli

STACKS = {
    "aws": Stack("rest-api", "aws", "development", "us-east-1"),
    "azure": Stack("rest-api", "azure", "development", "eastus"),
}
FIRST, SECOND, THIRD, BAD = "first-canary-1111", "second-canary-2222", "third-canary-3333", "bad-canary-4444"
VARIABLES = {"SEMANTEST_SECRET_TOKEN": FIRST}
CHANGES = {"aws": {"update": 2, "replace": 1}, "azure": {"update": 2}}
"""What brings another value to a function: on both engines the same."""
SERVICE = """\
import os


def handler(event, context):
    token = os.environ["TOKEN"]
    if token.startswith("bad") and "/health" in str(event.get("rawPath", "")):
        raise RuntimeError(f"cannot use {token}")
    return {"statusCode": 200, "body": token[:5]}
"""


_KILLED = 77
_KILLED_ROTATION = f"""\
import asyncio, os, sys
from pathlib import Path
from semantest_iac.application.ports.secret_store import SecretValue
from semantest_iac.application.use_cases import SecretRotation
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack

home, stack, variables = Application(Path(sys.argv[1])), Stack.parse(sys.argv[2]), {VARIABLES!r}


def end(progress):
    if progress.op == "update" and progress.state == "done":
        os._exit({_KILLED})


deployments = home.deployments(variables, progress=end)
asyncio.run(home.stack_secrets(variables).rotate(
    stack, "token", SecretValue(sys.stdin.read()), by="ana",
    request_rotation=lambda rotation: deployments.redeploy(stack, rotation=SecretRotation(rotation, ("token",))),
))
"""
"""A rotation whose process is gone after the first update, as if it were killed."""


class DeployedHome:
    """A home with one deployed component that answers the beginning of its secret."""

    def __init__(self, home: Path, folder: Path, provider: str, engine: str) -> None:
        self.home = home
        self.stack = STACKS[provider]
        self.choice = EngineChoice(engine, SIMULATED_CLOUD)
        self._folder = folder
        (folder / "index.py").write_text(SERVICE, encoding="utf-8")

    @property
    def application(self) -> Application:
        """A new one each time, as each command has."""
        return Application(self.home)

    @property
    def configuration(self) -> Mapping[str, Any]:
        section = {
            "source": str(self._folder),
            "handler": "index.handler",
            "environment": {"TOKEN": "${secrets.token}"},
        }
        return {"components": {"rest-api": section}, "monitoring": {"enabled": False}}

    def secrets(self, variables: Mapping[str, str] = VARIABLES) -> StackSecrets:
        return self.application.stack_secrets(variables)

    async def deploy(self, variables: Mapping[str, str] = VARIABLES) -> DeploymentRow:
        return await self.application.deployments(variables, engine=self.choice).deploy(self.stack, self.configuration)

    async def set(self, value: str) -> str:
        return (await self.secrets().write(self.stack, "token", SecretValue(value), by="ana")).version

    async def rotate(self, value: str, variables: Mapping[str, str] = VARIABLES) -> DeploymentRow:
        deployments = self.application.deployments(variables, engine=self.choice)
        return await self.secrets(variables).rotate(
            self.stack,
            "token",
            SecretValue(value),
            by="ana",
            request_rotation=lambda rotation: deployments.redeploy(
                self.stack, by="ana", rotation=SecretRotation(rotation, ("token",))
            ),
        )

    async def answer(self) -> str:
        use_cases = self.application.deployments(VARIABLES, engine=self.choice)
        return (await use_cases.call(self.stack, HttpRequest("GET", "/any"))).response.body.decode()

    def listed(self, variables: Mapping[str, str] = VARIABLES) -> ListedSecret:
        [listed] = self.secrets(variables).list_secrets(self.stack, self._blueprint(), ["token"])
        return listed

    async def audit(self) -> SecretAudit:
        [audit] = await self.secrets().audit(self.stack, self._blueprint())
        return audit

    def actions(self) -> list[str]:
        events = [row.event for row in self.application.ledger.stream(str(self.stack))]
        return [it["data"]["action"] for it in events if it["type"] == "infrastructure.secret.changed"]

    def find_files_with(self, *values: str) -> list[str]:
        files = [path for path in self.home.rglob("*") if path.is_file()]
        return [str(path) for path in files if any(value.encode() in path.read_bytes() for value in values)]

    def _blueprint(self) -> Any:
        good = find_last_good(self.application.ledger, self.stack)
        assert good is not None
        return BLUEPRINTS["rest-api"](self.stack, 1, good.settings)


def changes_of(row: DeploymentRow) -> dict[str, int]:
    return {kind: row.changes[kind] for kind in ("create", "update", "replace", "delete") if row.changes[kind]}


@pytest.fixture(params=["aws", "azure"])
def deployed(request: pytest.FixtureRequest, home: Path, tmp_path_factory: pytest.TempPathFactory) -> DeployedHome:
    made = DeployedHome(home, tmp_path_factory.mktemp("source"), request.param, SANDBOX_ENGINE)
    assert asyncio.run(made.deploy()).state == "completed"
    return made


async def test_a_set_value_is_used_from_the_next_deployment_on(deployed: DeployedHome) -> None:
    assert (deployed.listed().source, await deployed.answer()) == ("variable", "first")
    assert deployed.listed({}).source == "deployed"

    version = await deployed.set(SECOND)
    waiting = deployed.listed()
    row = await deployed.deploy()
    again = await deployed.deploy({})  # the variable is not needed any more
    listed = deployed.listed({})

    assert (waiting.source, waiting.is_used) == ("store", False)
    assert changes_of(row) == CHANGES[deployed.stack.provider]
    assert (row.state, await deployed.answer()) == ("completed", "secon")
    assert (again.state, again.error) == ("completed", None)
    assert not any(again.changes[kind] for kind in ("create", "update", "replace", "delete"))
    assert (listed.source, listed.is_used, listed.set_value and listed.set_value.version) == ("store", True, version)
    assert listed.set_value is not None
    assert listed.set_value.changed_by == "ana"
    assert deployed.find_files_with(FIRST, SECOND) == []


async def test_what_is_set_after_the_plan_waits_for_the_next_deployment(deployed: DeployedHome) -> None:
    await deployed.set(SECOND)

    def set_meanwhile(_: object) -> None:
        with ThreadPoolExecutor() as pool:
            pool.submit(asyncio.run, deployed.set(THIRD)).result()

    use_cases = deployed.application.deployments(VARIABLES, engine=deployed.choice, show_plan=set_meanwhile)
    row = await use_cases.deploy(deployed.stack, deployed.configuration)

    assert (row.state, await deployed.answer(), deployed.listed().is_used) == ("completed", "secon", False)
    assert ((await deployed.deploy()).state, await deployed.answer()) == ("completed", "third")


async def test_a_rotation_brings_the_value_to_the_functions(deployed: DeployedHome) -> None:
    row = await deployed.rotate(SECOND)

    assert (row.state, row.error, await deployed.answer()) == ("completed", None, "secon")
    assert deployed.actions() == ["rotated"]


async def test_a_rotation_that_makes_the_service_unhealthy_goes_back(deployed: DeployedHome) -> None:
    await deployed.rotate(SECOND)

    row = await deployed.rotate(BAD)
    after = await deployed.deploy()

    assert row.error is not None
    assert row.state == "rolled_back"
    assert "goes back to the earlier value of 'token'." in row.error["message"]
    assert deployed.actions() == ["rotated", "rotated"]
    assert await deployed.answer() == "secon"
    assert not any(after.changes[kind] for kind in ("create", "update", "replace", "delete"))
    assert deployed.find_files_with(FIRST, SECOND, BAD) == []


@pytest.mark.parametrize(("value", "state", "answer"), [(SECOND, "completed", "secon"), (BAD, "rolled_back", "first")])
async def test_a_rotation_whose_process_is_killed_is_gone_on_with(
    deployed: DeployedHome, value: str, state: str, answer: str
) -> None:
    command = [sys.executable, "-c", _KILLED_ROTATION, str(deployed.home), str(deployed.stack)]
    run = partial(subprocess.run, command, input=value, text=True, capture_output=True, check=False)
    killed = await asyncio.to_thread(run)
    meanwhile = deployed.listed().source

    await deployed.application.worker(VARIABLES).run_until_idle()

    [row] = deployed.application.ledger.deployments([str(deployed.stack)], limit=1)
    assert (killed.returncode, meanwhile) == (_KILLED, "store"), killed.stderr
    assert (row.state, await deployed.answer()) == (state, answer)
    assert deployed.find_files_with(FIRST, SECOND, BAD) == []


async def test_the_audit_knows_the_reader_and_the_reference(deployed: DeployedHome) -> None:
    audit = await deployed.audit()

    assert ([it.variable for it in audit.references], audit.refused_references) == (["TOKEN"], ())
    assert len(audit.grants) == 1
    assert audit.unused_grants == ()


@pytest.mark.parametrize("provider", ["aws", "azure"])
async def test_the_pulumi_engine_does_the_same(
    home: Path, tmp_path_factory: pytest.TempPathFactory, provider: str
) -> None:
    require_pulumi_cli()
    deployed = DeployedHome(home, tmp_path_factory.mktemp("source"), provider, PULUMI_ENGINE)
    await deployed.deploy()
    await deployed.set(SECOND)

    first = await deployed.deploy({})
    answer = await deployed.answer()
    failed = await deployed.rotate(BAD)
    audit = await deployed.audit()

    assert (first.state, answer, changes_of(first)) == ("completed", "secon", CHANGES[provider])
    assert (failed.state, await deployed.answer()) == ("rolled_back", "secon")
    assert (len(audit.grants), audit.unused_grants, audit.refused_references) == (1, (), ())
    assert deployed.find_files_with(FIRST, SECOND, BAD) == []


class TestStackSecrets:
    @pytest.fixture
    def on_aws(self, home: Path, tmp_path_factory: pytest.TempPathFactory) -> DeployedHome:
        return DeployedHome(home, tmp_path_factory.mktemp("source"), "aws", SANDBOX_ENGINE)

    async def test_refuse_a_stack_that_is_not_deployed(self, on_aws: DeployedHome) -> None:
        with pytest.raises(NotFoundError) as raised:
            await on_aws.set(SECOND)

        command = "semantest-iac deploy --component rest-api --provider aws --env development --region us-east-1"
        assert "read -rs SEMANTEST_SECRET_TOKEN && export SEMANTEST_SECRET_TOKEN" in raised.value.hint
        assert command in raised.value.hint

    async def test_say_how_a_new_reference_gets_its_first_value(self, on_aws: DeployedHome) -> None:
        await on_aws.deploy()
        with pytest.raises(NotFoundError) as raised:
            await on_aws.secrets().write(on_aws.stack, "api_key", SecretValue(SECOND), by="ana")

        assert "export SEMANTEST_SECRET_API_KEY && semantest-iac deploy" in raised.value.hint

    async def test_refuse_values_that_do_not_fit_and_unknown_names(self, on_aws: DeployedHome) -> None:
        await on_aws.deploy()
        for value in ("", "x\0y", "x" * 65537):
            with pytest.raises(ValidationError) as raised:
                await on_aws.set(value)
            assert not value or value not in str(raised.value)
        with pytest.raises(NotFoundError) as missing:
            await on_aws.secrets().write(on_aws.stack, "tokn", SecretValue(SECOND), by="ana")

        assert "token" in missing.value.hint
        assert on_aws.actions() == []

    async def test_a_rotation_needs_a_value_to_go_back_to(self, on_aws: DeployedHome) -> None:
        await on_aws.deploy()

        with pytest.raises(RefusedError) as raised:
            await on_aws.rotate(SECOND, {})

        assert raised.value.error_code == "SECRET_NOT_RESTORABLE"
        assert on_aws.actions() == []

    async def test_a_first_rotation_goes_back_to_the_variable(self, on_aws: DeployedHome) -> None:
        await on_aws.deploy()

        row = await on_aws.rotate(BAD)

        assert (row.state, await on_aws.answer(), on_aws.listed().source) == ("rolled_back", "first", "variable")

    async def test_a_rotation_that_is_refused_leaves_the_value_as_it_was(self, on_aws: DeployedHome) -> None:
        await on_aws.deploy()
        version = await on_aws.set(SECOND)
        (on_aws.home / "artifacts").rename(on_aws.home / "gone")  # no package to deploy

        with pytest.raises(Exception, match="package"):
            await on_aws.rotate(THIRD)

        listed = on_aws.listed().set_value
        assert on_aws.actions() == ["set", "rotated"]
        assert listed is not None
        assert listed.version == version

    async def test_what_was_set_is_gone_after_a_destroy(self, on_aws: DeployedHome) -> None:
        await on_aws.deploy()
        await on_aws.set(SECOND)
        await on_aws.deploy()
        await on_aws.application.deployments(VARIABLES, engine=on_aws.choice).destroy(on_aws.stack)

        row = await on_aws.deploy()

        assert (row.state, await on_aws.answer(), on_aws.listed().source) == ("completed", "first", "variable")
