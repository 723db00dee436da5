"""Which value of a secret counts: the newest that was set in this generation, and no rotation that failed."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from semantest_iac.application.deployment.recorder import EventRecorder
from semantest_iac.application.queries.secret_versions import (
    find_secret_versions,
    find_set_secret,
    secret_correlation,
)
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac_events.deployments import (
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentRequested,
    DeploymentSuperseded,
)
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested, InfrastructureRemoved, SecretChanged
from semantest_iac_events.values import ChangeCounts
from tests.fakes.memory_ledger import MemoryLedger

_STACK = Stack("rest-api", "aws", "development", "us-east-1")
_NAME = str(_STACK)
_PARTS = asdict(_STACK)


class History:
    """A ledger in memory, to which changes and deployments are recorded."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()

    async def record(self, *events: StackEvent) -> None:
        for event in events:
            await EventRecorder(self.ledger, str).record(event)

    async def change(self, version: str, rotation: str = "", secret: str = "token", generation: int = 1) -> None:
        change = SecretChanged(
            **_PARTS,
            deployment_id=rotation or f"set-{version}",
            secret=secret,
            action="rotated" if rotation else "set",
            version=version,
            address="arn",
            changed_by="ana",
            generation=generation,
            correlation_id=secret_correlation(_NAME, secret),
        )
        await self.record(change)

    async def request(self, deployment: str) -> None:
        await self.record(DeploymentRequested(**_PARTS, deployment_id=deployment, rotated_secrets=("token",)))

    @property
    def version(self) -> str | None:
        found = find_set_secret(self.ledger, _NAME, "token")
        return found.version if found else None


@pytest.fixture
def history() -> History:
    return History()


class TestSetSecrets:
    async def test_count_from_when_they_are_set(self, history: History) -> None:
        assert history.version is None

        await history.change("v1")
        await history.change("v2")
        await history.change("w1", secret="other")

        found = find_set_secret(history.ledger, _NAME, "token")
        assert found is not None
        assert (found.version, found.changed_by, found.position) == ("v2", "ana", 2)
        assert find_secret_versions(history.ledger, _NAME, ["token", "other", "third"]) == {
            "token": "v2",
            "other": "w1",
        }

    async def test_are_gone_after_a_destroy(self, history: History) -> None:
        await history.change("v1")
        await history.record(
            InfrastructureRemovalRequested(**_PARTS, deployment_id="d1"),
            InfrastructureRemoved(**_PARTS, deployment_id="d1", changes=ChangeCounts(delete=3), generation=1),
        )

        assert history.version is None
        await history.change("v2", generation=2)
        assert history.version == "v2"


class TestRotatedSecrets:
    async def test_count_from_the_request_on(self, history: History) -> None:
        await history.change("v1")
        await history.change("v2", rotation="d1")
        before = history.version

        await history.request("d1")
        meanwhile = history.version
        await history.record(DeploymentCompleted(**_PARTS, deployment_id="d1", changes=ChangeCounts()))

        assert (before, meanwhile, history.version) == ("v1", "v2", "v2")

    @pytest.mark.parametrize(
        "ending",
        [
            DeploymentFailed(**_PARTS, deployment_id="d1", code="X", reason="x"),
            DeploymentSuperseded(**_PARTS, deployment_id="d1", successor="d2"),
        ],
        ids=lambda event: type(event).__name__,
    )
    async def test_do_not_count_unless_their_deployment_completes(self, history: History, ending: StackEvent) -> None:
        await history.change("v1")
        await history.change("v2", rotation="d1")
        await history.request("d1")
        await history.record(ending)

        assert history.version == "v1"

    async def test_go_back_behind_every_one_that_failed(self, history: History) -> None:
        await history.change("v1")
        for number in (2, 3, 4):
            await history.change(f"v{number}", rotation=f"d{number}")
            await history.request(f"d{number}")
            failed = DeploymentFailed(**_PARTS, deployment_id=f"d{number}", code="X", reason="x")
            await history.record(failed)

        assert history.version == "v1"
