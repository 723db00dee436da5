"""CDEvents 0.5.1 (github.com/cdevents/spec at v0.5.1: schemas/service*.json, environmentmodified.json, links.md).

The structure that its schemas ask for is written down here, since they are published nowhere as a package.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from cloudevents.core.v1.event import CloudEvent as SdkCloudEvent

from semantest_iac_events.deployments import DeploymentCompleted, DeploymentRequested
from semantest_iac_events.forms.cdevents import (
    ServiceOutcome,
    ServicePredicate,
    format_artifact_purl,
    format_chain_id,
    to_environment_cdevent,
    to_service_cdevent,
)
from semantest_iac_events.infrastructure import EnvironmentConfigured
from semantest_iac_events.values import ChangeCounts

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_CONTEXT = {"specversion", "id", "source", "type", "timestamp"}
_SUBJECT = {"id", "content"}


@pytest.fixture
def completed(request_event: DeploymentRequested) -> DeploymentCompleted:
    return DeploymentCompleted(
        component="rest-api",
        provider="aws",
        environment="staging",
        region="us-east-1",
        deployment_id="d1",
        changes=ChangeCounts(create=3),
    ).caused_by(request_event)


def _check_structure(form: dict[str, Any], content: set[str]) -> dict[str, Any]:
    """Check what every schema asks for, and what the binding repeats; returns the CDEvent."""
    cdevent: dict[str, Any] = form["data"]
    context, subject = cdevent["context"], cdevent["subject"]
    assert cdevent.keys() <= {"context", "subject", "customData", "customDataContentType"}
    assert _CONTEXT <= context.keys() <= _CONTEXT | {"schemaUri", "chainId", "links"}
    assert _SUBJECT <= subject.keys() <= _SUBJECT | {"source"}
    assert subject["content"].keys() == content
    assert (form["id"], form["source"], form["type"], form["time"], form["subject"]) == (
        context["id"],
        context["source"],
        context["type"],
        context["timestamp"],
        subject["id"],
    )
    for link in context.get("links", ()):
        assert (
            link.keys()
            == {
                "PATH": {"linkType", "from"},
                "END": {"linkType", "from"},
                "RELATION": {"linkType", "linkKind", "target"},
            }[link["linkType"]]
        )
    return cdevent


class TestServices:
    @pytest.mark.parametrize("predicate", ["deployed", "upgraded", "rolledback", "removed"])
    def test_have_the_structure_of_their_schema(
        self, completed: DeploymentCompleted, predicate: ServicePredicate
    ) -> None:
        form = to_service_cdevent(completed, ServiceOutcome(predicate, DIGEST))

        content = {"environment"} if predicate == "removed" else {"environment", "artifactId"}
        cdevent = _check_structure(form, content)
        assert cdevent["context"]["specversion"] == "0.5.1"
        assert cdevent["context"]["type"] == f"dev.cdevents.service.{predicate}.0.3.0"
        assert cdevent["subject"]["id"] == "rest-api.aws.staging.us-east-1"
        assert cdevent["subject"]["content"]["environment"]["id"] == "staging"

    def test_name_the_package_by_its_digest(self, completed: DeploymentCompleted) -> None:
        form = to_service_cdevent(completed, ServiceOutcome("deployed", DIGEST))

        assert form["data"]["subject"]["content"]["artifactId"] == f"pkg:generic/semantest/rest-api@sha256%3A{DIGEST}"

    def test_carry_what_their_vocabulary_has_no_word_for(self, completed: DeploymentCompleted) -> None:
        form = to_service_cdevent(completed, ServiceOutcome("deployed", DIGEST, details={"endpoint": "https://x"}))

        assert form["data"]["customData"] == {
            "project": "semantest",
            "component": "rest-api",
            "provider": "aws",
            "region": "us-east-1",
            "deploymentId": "d1",
            "endpoint": "https://x",
        }

    def test_are_cloudevents(self, completed: DeploymentCompleted) -> None:
        form = to_service_cdevent(completed, ServiceOutcome("deployed", DIGEST))
        attributes = {name: value for name, value in form.items() if name not in ("data", "time")}

        assert SdkCloudEvent({**attributes, "time": completed.occurred_at}, form["data"]).get_id() == form["id"]


class TestLinks:
    def test_end_a_chain_that_began_here(
        self, completed: DeploymentCompleted, request_event: DeploymentRequested
    ) -> None:
        context = to_service_cdevent(completed, ServiceOutcome("deployed", DIGEST))["data"]["context"]

        assert context["links"] == [{"linkType": "END", "from": {"contextId": str(request_event.id)}}]
        assert context["chainId"] == str(request_event.id)

    def test_name_what_triggered_the_request(
        self, completed: DeploymentCompleted, request_event: DeploymentRequested
    ) -> None:
        trigger = str(uuid4())
        outcome = ServiceOutcome("deployed", DIGEST, (trigger,))

        links = to_service_cdevent(completed, outcome)["data"]["context"]["links"]

        assert links == [
            {"linkType": "PATH", "from": {"contextId": str(request_event.id)}},
            {"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": trigger}},
        ]

    def test_are_left_out_where_nothing_is_known(self, completed: DeploymentCompleted) -> None:
        alone = completed.model_copy(update={"previous_event_ids": ()})

        assert "links" not in to_service_cdevent(alone, ServiceOutcome("deployed", DIGEST))["data"]["context"]

    @pytest.mark.parametrize("correlation", ["c1", "é", "x" * 256])
    def test_have_a_chain_id_that_is_always_the_same_uuid(self, correlation: str) -> None:
        chain = UUID(format_chain_id(correlation))

        assert (chain.version, format_chain_id(correlation)) == (4, str(chain))


class TestEnvironments:
    def test_have_the_structure_of_their_schema(self) -> None:
        event = EnvironmentConfigured(environment="pr-12", provider="aws", region="us-east-1", digest=DIGEST)

        cdevent = _check_structure(to_environment_cdevent(event), {"name"})

        assert cdevent["context"]["type"] == "dev.cdevents.environment.modified.0.3.0"
        assert (cdevent["subject"]["id"], cdevent["subject"]["content"]) == ("pr-12", {"name": "pr-12"})


@pytest.mark.parametrize(
    ("project", "component", "purl"),
    [
        ("semantest", "rest-api", f"pkg:generic/semantest/rest-api@sha256%3A{DIGEST}"),
        ("a/b", "c@d", f"pkg:generic/a%2Fb/c%40d@sha256%3A{DIGEST}"),
    ],
)
def test_package_urls_escape_what_would_end_a_name(project: str, component: str, purl: str) -> None:
    assert format_artifact_purl(project, component, f"sha256:{DIGEST}") == purl
