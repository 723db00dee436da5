"""The client of Azure's deployment service, against a server that plays it on loopback."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError, ProviderError
from semantest_iac.infrastructure.cloud_programs.azure.publishing import publish_package, running_digest
from semantest_iac.infrastructure.cloud_programs.code_publishing import ServiceClient
from tests.integration.cloud_programs.conftest import Service

_APP = {"name": "func-1", "id": "/sites/func-1", "defaultHostName": "func-1.azurewebsites.net"}
_CONTENT = b"a package"
_DIGEST = sha256(_CONTENT).hexdigest()
_TAKEN: tuple[int, Any] = (202, "deployment-1")
_DONE = (200, {"id": "deployment-1", "status": 4})
_GOING_ON = (200, {"id": "deployment-1", "status": 1})
_ROLE_MISSING = (200, {"status": 3, "status_text": "Azure Storage responded with Forbidden"})


@pytest.fixture
def package(tmp_path: Path) -> Artifact:
    """Nine bytes."""
    path = tmp_path / "package.zip"
    path.write_bytes(_CONTENT)
    return Artifact(_DIGEST, path, "function_app.py", "python3.13", len(_CONTENT))


class TestPublishing:
    def test_sends_the_package_with_its_digest_and_a_token(self, service: Service, package: Artifact) -> None:
        service.script = [_TAKEN, _DONE]

        publish_package(_APP, package, service.line)

        sent, looked, _ = service.heard
        assert (sent.method, sent.path, sent.body) == ("POST", "/api/publish", _CONTENT)
        assert sent.query == {"RemoteBuild": "false", "Deployer": f"semantest-iac-{_DIGEST}"}
        assert (sent.headers["authorization"], sent.headers["content-type"]) == ("Bearer a-token", "application/zip")
        assert looked.path == "/api/deployments/deployment-1"
        assert service.origins[:2] == ["https://func-1.scm.azurewebsites.net"] * 2

    def test_looks_until_the_deployment_has_ended(self, service: Service, package: Artifact) -> None:
        service.script = [_TAKEN, (404, {}), _GOING_ON, _GOING_ON, _DONE]

        publish_package(_APP, package, service.line)

        assert len(service.heard) == 6
        assert service.waited == [3.0, 3.0, 3.0]

    def test_ends_when_the_host_has_started_anew_and_shows_it_no_token(
        self, service: Service, package: Artifact
    ) -> None:
        service.script = [_TAKEN, _DONE, (503, b""), (503, b""), (404, b"")]

        publish_package(_APP, package, service.line)

        asked = service.heard[2:]
        assert (service.waited, len(asked)) == ([3.0, 3.0], 3)
        assert set(service.origins[2:]) == {"https://func-1.azurewebsites.net"}
        assert not any("authorization" in each.headers for each in asked)

    def test_ends_although_the_host_does_not_start(self, service: Service, package: Artifact) -> None:
        service.script = [_TAKEN, _DONE, (503, b"")]

        publish_package(_APP, package, service.line)

        assert sum(service.waited) == 90

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
    def test_is_tried_again_where_that_may_help(
        self, service: Service, package: Artifact, refusal: list[tuple[int, Any]]
    ) -> None:
        service.script = [*refusal, _TAKEN, _DONE]

        publish_package(_APP, package, service.line)

        assert service.waited == [15.0]

    def test_waits_for_as_long_as_the_service_asks(self, service: Service, package: Artifact) -> None:
        service.headers = {"retry-after": "42"}
        service.script = [(429, b""), _TAKEN, _DONE]

        publish_package(_APP, package, service.line)

        assert service.waited == [42.0]

    def test_is_given_up_in_the_end(self, service: Service, package: Artifact) -> None:
        service.script = [(503, b"The host is asleep.")]

        with pytest.raises(ProviderError, match="The host is asleep") as refusal:
            publish_package(_APP, package, service.line)

        assert sum(service.waited) == 900
        assert refusal.value.hint.startswith("Deploy again")

    @pytest.mark.parametrize(
        ("answers", "reason", "hint"),
        [
            ([(401, b"")], "status 401", "az login"),
            ([(403, b"Not you.")], "Not you", "Website Contributor"),
            ([(413, b"")], "status 413", "too large"),
            ([_TAKEN, (200, {"status": 3, "status_text": "The zip is broken."})], "The zip is broken", "Deploy again"),
        ],
        ids=["nobody", "somebody else", "too large", "broken"],
    )
    def test_is_refused_with_the_reason_and_the_way_out(
        self, service: Service, package: Artifact, answers: list[tuple[int, Any]], reason: str, hint: str
    ) -> None:
        service.script = list(answers)

        with pytest.raises(ProviderError, match=reason) as refusal:
            publish_package(_APP, package, service.line)

        assert (refusal.value.error_code, refusal.value.resource, service.waited) == ("PUBLISH_FAILED", _APP["id"], [])
        assert hint in refusal.value.hint
        assert "a-token" not in f"{refusal.value.message} {refusal.value.hint}"

    def test_is_tried_again_where_nobody_answers(self, service: Service, package: Artifact) -> None:
        calls: list[str] = []

        def unreachable_at_first(origin: str, request: Any) -> Any:
            calls.append(request.path)
            if len(calls) == 1:
                raise ConnectionRefusedError("nobody is there")
            return service.line.send(origin, request)

        service.script = [_TAKEN, _DONE]
        publish_package(_APP, package, ServiceClient(unreachable_at_first, lambda: "a-token", service.waited.append))

        assert (len(calls), service.waited) == (4, [15.0])

    def test_needs_the_package_to_be_there(self, service: Service, package: Artifact) -> None:
        package.path.unlink()

        with pytest.raises(ArtifactError, match="No such file"):
            publish_package(_APP, package, service.line)

        assert service.heard == []


class TestRunning:
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
        ids=["ours", "failed", "somebody else's", "nonsense", "none", "refused"],
    )
    def test_is_what_the_service_says_was_deployed_last(
        self, service: Service, answer: tuple[int, Any], found: str
    ) -> None:
        service.script = [answer]

        assert running_digest(_APP, service.line) == found
        assert service.heard[0].path == "/api/deployments/latest"


class TestSending:
    def test_takes_no_token_to_another_host(self, service: Service) -> None:
        service.headers = {"location": "http://127.0.0.1:9/elsewhere"}
        service.script = [(307, b"")]

        assert running_digest(_APP, service.line) == ""
        assert len(service.heard) == 1
