"""A rollback with the default adapters: ledger, locks, packages, programs, simulated cloud, a running function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.http_exchange import HttpRequest

STACK = Stack("rest-api", "aws", "development", "us-east-1")
Deploy = Callable[[int, str], Any]


@pytest.fixture
def use_cases(home: Path) -> DeploymentUseCase:
    return Application(home).deployments({})


@pytest.fixture
def deploy(use_cases: DeploymentUseCase, tmp_path: Path) -> Deploy:
    """Deploys a function that always answers with this status and body."""
    source = tmp_path / "source"
    source.mkdir()

    async def deployed(status: int, body: str) -> DeploymentRow:
        text = f"def handler(event, context):\n    return {{'statusCode': {status}, 'body': '{body}'}}\n"
        (source / "app.py").write_text(text, encoding="utf-8")
        section = {"source": str(source), "handler": "app.handler"}
        return await use_cases.deploy(STACK, {"components": {"rest-api": section}})

    return deployed


async def read_body(use_cases: DeploymentUseCase) -> bytes:
    """The body that the deployed service returns."""
    return (await use_cases.call(STACK, HttpRequest("GET", "/"))).response.body


class TestRollback:
    async def test_restores_the_package_of_the_last_good_deployment_with_true_outputs(
        self, use_cases: DeploymentUseCase, deploy: Deploy, home: Path
    ) -> None:
        good = await deploy(200, "first")
        bad = await deploy(500, "second")
        body = await read_body(use_cases)
        told = Application(home).ledger.stack(str(STACK)).outputs
        again = await deploy(200, "first")

        assert (good.state, bad.state, body) == ("completed", "rolled_back", b"first")
        assert bad.error["restored_deployment"] == good.deployment
        assert again.changes["update"] == again.changes["create"] == 0
        assert again.outputs == told
        assert told["function_version"] == "3"

    async def test_never_deploys_a_damaged_package(
        self, use_cases: DeploymentUseCase, deploy: Deploy, home: Path
    ) -> None:
        await deploy(200, "first")
        (package,) = (home / "artifacts").glob("*.zip")
        content = package.read_bytes()
        package.write_bytes(bytes([content[0] ^ 1]) + content[1:])

        bad = await deploy(500, "second")
        package.write_bytes(content)  # as the hint says
        await use_cases.resolve(bad.deployment, by="anna", reason="restored the package")
        again = await deploy(200, "first")

        assert bad.state == "needs_operator"
        assert f"Cannot use the package '{package}': it is damaged." in bad.error["message"]
        assert again.state == "completed"

    async def test_destroys_a_first_deployment_and_leaves_a_stack_that_can_be_deployed(
        self, use_cases: DeploymentUseCase, deploy: Deploy
    ) -> None:
        rows = [await deploy(500, "a")]
        left = await use_cases.preview_destroy(STACK)
        rows += [await deploy(status, body) for status, body in ((200, "b"), (500, "c"), (200, "d"))]

        assert left.resources == ()
        assert [str(row.state) for row in rows] == ["rolled_back", "completed"] * 2
        assert await read_body(use_cases) == b"d"
