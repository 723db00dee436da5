"""What the end of a deployment means for its service, as CDEvents say it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from semantest_iac.application.relay.messages import MessageRenderer
from semantest_iac.application.relay.selection import PublishedSelection
from semantest_iac.application.relay.service_outcomes import build_cdevents_renderer
from semantest_iac.domain.deployment.events import StepIntended
from semantest_iac_events.deployments import (
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentPlanned,
    DeploymentRequested,
    DeploymentRolledBack,
    DeploymentStarted,
)
from semantest_iac_events.event import StackEvent, StackRequest
from semantest_iac_events.infrastructure import (
    EnvironmentConfigured,
    InfrastructureRemovalRequested,
    InfrastructureRemoved,
    RollbackRequested,
)
from semantest_iac_events.values import ChangeCounts
from tests.unit.application.relay.conftest import Outbox

_PLACE: dict[str, Any] = {"provider": "aws", "environment": "staging", "region": "us-east-1"}
_CREATED, _SAME = ChangeCounts(create=3), ChangeCounts(same=3)


class Deployments:
    """Records deployments one after the other, a minute each, and tells what is published of them."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    async def deploy(self, digest: str | None, *, component: str = "rest-api", **fields: Any) -> str:
        """Record a deployment that completes, and return its id."""
        request = await self._request(DeploymentRequested, component, fields.pop("causes", ()))
        await self._plan(request, digest, fields.get("changes", _CREATED))
        await self._record(DeploymentCompleted, request, **{"changes": _CREATED, **fields})
        return request.deployment_id

    async def roll_back(self, digest: str, restored: str | None) -> None:
        """Record a deployment that fails and is rolled back."""
        request = await self._request(DeploymentRequested)
        await self._plan(request, digest)
        await self._record(StepIntended, request, step="apply")
        failure = {"code": "VERIFICATION_FAILED", "reason": "not healthy"}
        await self._record(DeploymentRolledBack, request, **failure, restored_deployment=restored)

    async def fail(self) -> None:
        """Record a deployment that fails before it changes anything."""
        request = await self._request(DeploymentRequested)
        await self._record(DeploymentFailed, request, code="X", reason="y")

    async def destroy(self) -> None:
        """Record a destroy that completes."""
        request = await self._request(InfrastructureRemovalRequested)
        await self._record(StepIntended, request, step="remove")
        await self._record(InfrastructureRemoved, request, changes=ChangeCounts(delete=3), generation=1)

    def publish(self) -> list[dict[str, Any]]:
        """Return what is published of all that was recorded."""
        renderer = MessageRenderer(PublishedSelection(), build_cdevents_renderer(self.outbox.ledger))
        return [json.loads(it.body)["data"] for row in self.outbox.ledger.recorded if (it := renderer.render(row))]

    async def _request(
        self, kind: type[StackRequest], component: str = "rest-api", causes: tuple[Any, ...] = ()
    ) -> StackRequest:
        self._now += timedelta(minutes=1)
        request = kind(component=component, **_PLACE, occurred_at=self._now, previous_event_ids=causes)
        await self.outbox.record(request)
        return request

    async def _plan(self, request: StackRequest, digest: str | None, changes: ChangeCounts = _CREATED) -> None:
        await self._record(DeploymentStarted, request)
        await self._record(DeploymentPlanned, request, changes=changes, artifact_digest=digest)

    async def _record(self, kind: type[StackEvent], request: StackRequest, **fields: Any) -> None:
        self._now += timedelta(seconds=1)
        identity = {"component": request.component, "deployment_id": request.deployment_id, **_PLACE}
        await self.outbox.record(kind(**identity, occurred_at=self._now, **fields).caused_by(request))


@pytest.fixture
def deployments() -> Deployments:
    return Deployments()


def _told(published: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The predicate of each event, and the digest of its package."""
    return [
        (
            it["context"]["type"].split(".")[3],
            it["subject"]["content"].get("artifactId", "").rpartition("%3A")[2],
        )
        for it in published
    ]


class TestServices:
    async def test_are_deployed_first_and_upgraded_then(self, deployments: Deployments) -> None:
        for digest in ("aa", "bb", "cc"):
            await deployments.deploy(digest)

        assert _told(deployments.publish()) == [("deployed", "aa"), ("upgraded", "bb"), ("upgraded", "cc")]

    async def test_are_rolled_back_to_the_package_before(self, deployments: Deployments) -> None:
        first = await deployments.deploy("aa")
        await deployments.roll_back("bb", restored=first)
        await deployments.deploy("cc")

        published = deployments.publish()

        assert _told(published) == [("deployed", "aa"), ("rolledback", "aa"), ("upgraded", "cc")]
        assert published[1]["customData"]["restoredDeployment"] == first
        assert published[1]["customData"]["code"] == "VERIFICATION_FAILED"

    async def test_that_never_ran_are_not_told_of(self, deployments: Deployments) -> None:
        await deployments.roll_back("aa", restored=None)
        await deployments.fail()
        await deployments.deploy("bb")

        assert _told(deployments.publish()) == [("deployed", "bb")]

    async def test_are_removed_and_deployed_again(self, deployments: Deployments) -> None:
        await deployments.deploy("aa")
        await deployments.destroy()
        await deployments.deploy("aa")

        assert _told(deployments.publish()) == [("deployed", "aa"), ("removed", ""), ("deployed", "aa")]

    async def test_that_stayed_as_they_were_are_not_told_of(self, deployments: Deployments) -> None:
        await deployments.deploy("aa")
        await deployments.deploy("aa", changes=_SAME)

        assert _told(deployments.publish()) == [("deployed", "aa")]

    async def test_are_not_what_has_no_package(self, deployments: Deployments) -> None:
        await deployments.deploy(None)
        await deployments.deploy("aa", component="account")

        assert deployments.publish() == []

    async def test_of_other_stacks_count_for_themselves(self, deployments: Deployments) -> None:
        await deployments.deploy("aa")
        await deployments.deploy("bb", component="websocket")

        assert _told(deployments.publish()) == [("deployed", "aa"), ("deployed", "bb")]

    async def test_are_rolled_back_where_that_was_requested(self, deployments: Deployments) -> None:
        await deployments.deploy("aa")
        rollback = RollbackRequested(component="rest-api", **_PLACE)
        await deployments.outbox.record(rollback)
        await deployments.deploy("bb")
        completed = deployments.outbox.ledger.recorded[-1]
        form = {**completed.event, "causationid": str(rollback.id)}
        deployments.outbox.ledger.recorded[-1] = replace(completed, json=json.dumps(form))

        assert _told(deployments.publish())[-1] == ("rolledback", "bb")


class TestLinks:
    async def test_name_the_event_of_another_system_that_led_to_the_request(self, deployments: Deployments) -> None:
        causes = (uuid4(), uuid4())
        await deployments.deploy("aa", causes=causes)

        [published] = deployments.publish()

        request = deployments.outbox.ledger.recorded[0].event["id"]
        path, *triggers = published["context"]["links"]
        assert path == {"linkType": "PATH", "from": {"contextId": request}}
        assert [link["target"]["contextId"] for link in triggers] == [str(cause) for cause in causes]


class TestOtherEvents:
    async def test_are_environments(self, deployments: Deployments) -> None:
        await deployments.outbox.record(EnvironmentConfigured(**_PLACE))

        assert [it["context"]["type"] for it in deployments.publish()] == ["dev.cdevents.environment.modified.0.3.0"]

    async def test_are_left_out(self, deployments: Deployments) -> None:
        first = await deployments.deploy("aa")
        await deployments.roll_back("bb", restored=first)
        await deployments.fail()
        await deployments.destroy()

        types = {row.type for row in deployments.outbox.ledger.recorded}

        assert len(types) > len(deployments.publish()) == 3
