"""The client of Azure's deployment service, against a scripted server on loopback."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError, ProviderError
from semantest_iac.infrastructure.cloud_programs.azure.publishing import publish_package, running_digest
from semantest_iac.infrastructure.cloud_programs.code_publishing import ServiceClient
from tests.integration.cloud_programs.conftest import FakeDeploymentService

_APP = {"name": "func-1", "id": "/sites/func-1", "defaultHostName": "func-1.azurewebsites.net"}
_CONTENT = b"a package"
_DIGEST = sha256(_CONTENT).hexdigest()
_TAKEN: tuple[int, Any] = (202, "deployment-1")
_DONE = (200, {"id": "deployment-1", "status": 4})
_GOING_ON = (200, {"id": "deployment-1", "status": 1})
_ROLE_MISSING = (200, {"status": 3, "status_text": "Azure Storage responded with Forbidden"})


@pytest.fixture
def package(tmp_path: Path) -> Artifact:
    path = tmp_path / "package.zip"
    path.write_bytes(_CONTENT)
    return Artifact(_DIGEST, path, "function_app.py", "python3.13", len(_CONTENT))


class TestPublishing:
    def test_sends_package_digest_and_token(self, service: FakeDeploymentService, package: Artifact) -> None:
        service.script = [_TAKEN, _DONE]

        publish_package(_APP, package, service.client)

        sent, looked, _ = service.received
        assert (sent.method, sent.path, sent.body) == ("POST", "/api/publish", _CONTENT)
        assert sent.query == {"RemoteBuild": "false", "Deployer": f"semantest-iac-{_DIGEST}"}
        assert (sent.headers["authorization"], sent.headers["content-type"]) == ("Bearer a-token", "application/zip")
        assert looked.path == "/api/deployments/deployment-1"
        assert service.origins[:2] == ["https://func-1.scm.azurewebsites.net"] * 2

    def test_polls_until_the_deployment_has_ended(self, service: FakeDeploymentService, package: Artifact) -> None:
        service.script = [_TAKEN, (404, {}), _GOING_ON, _GOING_ON, _DONE]

        publish_package(_APP, package, service.client)

        assert len(service.received) == 6
        assert service.waits == [3.0, 3.0, 3.0]

    def test_waits_for_the_restarted_host_and_sends_it_no_token(
        self, service: FakeDeploymentService, package: Artifact
    ) -> None:
        service.script = [_TAKEN, _DONE, (503, b""), (503, b""), (404, b"")]

        publish_package(_APP, package, service.client)

        asked = service.received[2:]
        assert (service.waits, len(asked)) == ([3.0, 3.0], 3)
        assert set(service.origins[2:]) == {"https://func-1.azurewebsites.net"}
        assert not any("authorization" in each.headers for each in asked)

    def test_ends_even_if_the_host_does_not_start(self, service: FakeDeploymentService, package: Artifact) -> None:
        service.script = [_TAKEN, _DONE, (503, b"")]

        publish_package(_APP, package, service.client)

        assert sum(service.waits) == 90

    @pytest.mark.parametrize(
        "refusal",
        [
            [(409, {"message": "Another deployment is in progress."})],
            [(429, b"")],
            [(503, b"<html>")],
            [_TAKEN, _ROLE_MISSING],
        ],
        ids=["conflict", "throttled", "unavailable", "role that does not act yet"],
    )
    def test_is_retried_if_useful(
        self, service: FakeDeploymentService, package: Artifact, refusal: list[tuple[int, Any]]
    ) -> None:
        service.script = [*refusal, _TAKEN, _DONE]

        publish_package(_APP, package, service.client)

        assert service.waits == [15.0]

    def test_waits_for_the_requested_delay(self, service: FakeDeploymentService, package: Artifact) -> None:
        service.headers = {"retry-after": "42"}
        service.script = [(429, b""), _TAKEN, _DONE]

        publish_package(_APP, package, service.client)

        assert service.waits == [42.0]

    def test_fails_after_a_time_limit(self, service: FakeDeploymentService, package: Artifact) -> None:
        service.script = [(503, b"The host is asleep.")]

        with pytest.raises(ProviderError, match="The host is asleep") as refusal:
            publish_package(_APP, package, service.client)

        assert sum(service.waits) == 900
        assert refusal.value.hint.startswith("Deploy again")

    @pytest.mark.parametrize(
        ("answers", "reason", "hint"),
        [
            ([(401, b"")], "status 401", "az login"),
            ([(403, b"Not you.")], "Not you", "Website Contributor"),
            ([(413, b"")], "status 413", "too large"),
            ([_TAKEN, (200, {"status": 3, "status_text": "The zip is broken."})], "The zip is broken", "Deploy again"),
        ],
        ids=["unauthorized", "forbidden", "too large", "broken"],
    )
    def test_is_refused_with_reason_and_hint(
        self, service: FakeDeploymentService, package: Artifact, answers: list[tuple[int, Any]], reason: str, hint: str
    ) -> None:
        service.script = list(answers)

        with pytest.raises(ProviderError, match=reason) as refusal:
            publish_package(_APP, package, service.client)

        assert (refusal.value.error_code, refusal.value.resource, service.waits) == ("PUBLISH_FAILED", _APP["id"], [])
        assert hint in refusal.value.hint
        assert "a-token" not in f"{refusal.value.message} {refusal.value.hint}"

    def test_is_retried_after_a_connection_error(self, service: FakeDeploymentService, package: Artifact) -> None:
        calls: list[str] = []

        def unreachable_at_first(origin: str, request: Any) -> Any:
            calls.append(request.path)
            if len(calls) == 1:
                raise ConnectionRefusedError("no connection")
            return service.client.send(origin, request)

        service.script = [_TAKEN, _DONE]
        publish_package(_APP, package, ServiceClient(unreachable_at_first, lambda: "a-token", service.waits.append))

        assert (len(calls), service.waits) == (4, [15.0])

    def test_requires_an_existing_package(self, service: FakeDeploymentService, package: Artifact) -> None:
        package.path.unlink()

        with pytest.raises(ArtifactError, match="No such file"):
            publish_package(_APP, package, service.client)

        assert service.received == []


class TestRunningDigest:
    @pytest.mark.parametrize(
        ("answer", "found"),
        [
            ((200, {"status": 4, "deployer": f"semantest-iac-{_DIGEST}"}), _DIGEST),
            ((200, {"status": 3, "deployer": f"semantest-iac-{_DIGEST}"}), ""),
            ((200, {"status": 4, "deployer": "az_cli"}), ""),
            ((200, b"[]"), ""),
            ((404, {}), ""),
            ((403, b"<html>"), ""),
        ],
        ids=["ours", "failed", "other deployer", "nonsense", "none", "refused"],
    )
    def test_is_that_of_the_last_deployment(
        self, service: FakeDeploymentService, answer: tuple[int, Any], found: str
    ) -> None:
        service.script = [answer]

        assert running_digest(_APP, service.client) == found
        assert service.received[0].path == "/api/deployments/latest"


class TestSending:
    def test_sends_no_token_to_another_host(self, service: FakeDeploymentService) -> None:
        service.headers = {"location": "http://127.0.0.1:9/elsewhere"}
        service.script = [(307, b"")]

        assert running_digest(_APP, service.client) == ""
        assert len(service.received) == 1
