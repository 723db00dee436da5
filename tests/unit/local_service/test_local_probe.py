"""What the local probe says of stacks that it cannot call."""

from __future__ import annotations

import asyncio
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ArtifactError, NotFoundError
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.local_probe import LocalProbe, ProbeClient, describe_missing_parts
from semantest_iac.infrastructure.local_service.web_socket_service import WebSocketContext

STACK = Stack("rest-api", "aws", "development", "us-east-1")
TOPIC = DeployedResource("aws:sns/topic:Topic", "alerts", {})


class TestWebSocketService:
    @pytest.mark.parametrize(
        ("resources", "message"),
        [([], "nothing is deployed"), ([TOPIC], "it answers only HTTP")],
        ids=["no-stack", "http"],
    )
    async def test_is_missing_without_a_web_socket_api(self, resources: list[DeployedResource], message: str) -> None:
        probe = LocalProbe(lambda stack: asyncio.sleep(0, resources), Path)

        with pytest.raises(NotFoundError, match=message):
            await probe.build_web_socket_service(STACK, WebSocketContext(ProbeClient(), probe.unpack_package))


class TestMissingParts:
    """What a call without `serve` lacks is said with its answer."""

    def test_are_named_once_on_aws(self) -> None:
        variables = {"SEMANTEST_SEND_NEWS": "arn:aws:sns:us-east-1:1:news", "SEMANTEST_TABLE_ORDERS": "orders-1"}
        outputs = {"environment": {"variables": variables}}
        [note] = describe_missing_parts(STACK, [DeployedResource("aws:lambda/function:Function", "main", outputs)])

        assert note.startswith("This call had no queues and topics and no tables and buckets: they are there while")

    def test_are_named_once_on_azure(self) -> None:
        settings = [{"name": "SEMANTEST_SEND_ORDERS", "value": "https://a.servicebus.windows.net/orders"}]
        app = DeployedResource("azure-native:web:WebApp", "main", {}, inputs={"siteConfig": {"appSettings": settings}})
        [note] = describe_missing_parts(Stack("rest-api", "azure", "development", "eastus"), [app])

        assert note.startswith("This call had no queues and topics: ")

    def test_are_none_where_functions_use_nothing(self) -> None:
        outputs = {"environment": {"variables": {"LIMIT": "5"}}}

        assert not describe_missing_parts(STACK, [DeployedResource("aws:lambda/function:Function", "main", outputs)])


class TestCheckPackage:
    def test_refuses_modules_that_no_interpreter_here_can_load(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
            monkeypatch.setenv(name, str(tmp_path / "none"))
        package = tmp_path / "package.zip"
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("core.cpython-399-x86_64-linux-gnu.so", "")
        probe = LocalProbe(lambda stack: asyncio.sleep(0, []), Path)
        plain = Artifact("0" * 64, package, "app.handler", "nodejs24.x", 1)

        probe.check_package(plain)
        with pytest.raises(ArtifactError) as caught:
            probe.check_package(replace(plain, companions={"authorizer": replace(plain, runtime="python3.99")}))

        assert [fault.path for fault in caught.value.faults] == ["core.cpython-399-x86_64-linux-gnu.so"]
        assert "real cloud" in caught.value.hint
