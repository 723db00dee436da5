"""Which packages are kept: those that a stack runs, may go back to, or is about to need."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from semantest_iac.application.deployment.context import identity_of
from semantest_iac.application.package_collection import collect_packages, find_needed_packages, plan_collection
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.artifact_store import StoredPackage
from semantest_iac_events.deployments import DeploymentRequested
from tests.fakes.application import REST, InMemoryApp

NOW = datetime.now(UTC) + timedelta(days=30)
OTHER = Stack("rest-api", "aws", "development", "eu-west-1")


async def deploy(app: InMemoryApp, digest: str, stack: Stack = REST, *, is_good: bool = True) -> DeploymentRow:
    """Deploy a package with this digest, which the store then has."""
    app.artifacts.digest, app.probe.answers = digest, [] if is_good else [500]
    row = await app.deploy(stack, memory=random.choice(range(256, 2048)))
    store(app, digest)
    return row


def store(app: InMemoryApp, *digests: str, days: int = 20, is_shared: bool = False) -> None:
    """Add packages that were stored so many days ago."""
    known = {package.digest for package in app.artifact_store.packages}
    stored_at = NOW - timedelta(days=days)
    app.artifact_store.packages += [
        StoredPackage(digest, 1000, stored_at, is_shared) for digest in digests if digest not in known
    ]


def collect(app: InMemoryApp, kept_deployments: int = 5) -> set[str]:
    """Collect, and return what is left in the store."""
    verdicts = collect_packages(app.artifact_store, app.ledger, NOW, kept_deployments)
    left = {package.digest for package in app.artifact_store.packages}
    assert left == {verdict.package.digest for verdict in verdicts if verdict.needs}
    return left


def reasons(app: InMemoryApp, digest: str) -> list[str]:
    """Return why a package is kept."""
    verdicts = plan_collection(app.artifact_store, app.ledger, NOW)
    return [need.why for verdict in verdicts if verdict.package.digest == digest for need in verdict.needs]


class TestCollection:
    async def test_keeps_the_newest_completed_deployments_of_each_stack(self, app: InMemoryApp) -> None:
        for number in range(8):
            await deploy(app, f"a{number}")
            await deploy(app, f"b{number}", OTHER)

        assert collect(app) == {f"{stack}{number}" for stack in "ab" for number in range(3, 8)}
        assert collect(app, kept_deployments=2) == {"a6", "a7", "b6", "b7"}

    async def test_keeps_the_last_good_deployment_however_old(self, app: InMemoryApp) -> None:
        good = await deploy(app, "good")
        for number in range(8):
            await deploy(app, f"bad{number}", is_good=False)

        assert collect(app, kept_deployments=1) == {"good", "bad7"}
        assert reasons(app, "good") == ["last good deployment"]
        assert reasons(app, "bad7") == ["newest deployment"]
        assert app.ledger.stack(str(REST)).last_good == good.deployment

    async def test_keeps_a_package_for_any_deployment_that_has_it(self, app: InMemoryApp) -> None:
        await deploy(app, "same")
        for number in range(6):
            await deploy(app, f"a{number}")
        await deploy(app, "same", OTHER)

        assert "same" in collect(app)

    async def test_keeps_what_a_failed_first_deployment_left_running(self, app: InMemoryApp) -> None:
        app.artifacts.digest, app.probe.answers = "kept", [500]
        await app.use_cases.deploy(REST, {}, keep_failed=True)
        store(app, "kept", "unknown")

        assert collect(app) == {"kept"}

    @pytest.mark.parametrize("digests", [["open"], ["open", "of its second attempt"]], ids=["once", "resumed"])
    async def test_keeps_the_packages_of_a_deployment_that_has_not_ended(
        self, app: InMemoryApp, digests: list[str]
    ) -> None:
        request = DeploymentRequested(
            component="rest-api", provider="aws", environment="development", region="us-east-1"
        )
        package = PackageBuilt(
            **identity_of(request), digest="", handler="a.b", runtime="python3.13", size=1, variables={}
        )
        await app.bus.record(request)
        for digest in digests:
            await app.bus.record(package.model_copy(update={"digest": digest, "id": uuid4()}))
        store(app, *digests, "other")

        assert collect(app) == set(digests)

    async def test_keeps_all_that_an_open_request_may_need(self, app: InMemoryApp) -> None:
        request = DeploymentRequested(
            component="rest-api", provider="aws", environment="development", region="us-east-1"
        )
        await app.bus.record(request)
        at_request = (NOW - request.occurred_at).days
        store(app, "older", days=at_request + 3)
        store(app, "stored for it", days=at_request)

        assert collect(app) == {"stored for it"}

    async def test_keeps_what_was_stored_within_a_day(self, app: InMemoryApp) -> None:
        store(app, "new", days=0)
        store(app, "old", days=2)

        assert collect(app) == {"new"}

    async def test_takes_what_the_ledger_does_not_know_from_this_machine_alone(self, app: InMemoryApp) -> None:
        store(app, "local")
        store(app, "shared", is_shared=True)

        assert collect(app) == {"shared"}

    async def test_keeps_the_packages_of_a_destroyed_stack_that_it_may_go_back_to(self, app: InMemoryApp) -> None:
        for number in range(3):
            await deploy(app, f"a{number}")
        await app.use_cases.destroy(REST)

        assert collect(app, kept_deployments=2) == {"a1", "a2"}

    @pytest.mark.parametrize("seed", range(6))
    async def test_never_takes_a_rollback_target(self, app: InMemoryApp, seed: int) -> None:
        draw = random.Random(seed)
        for number in range(12):
            stack, is_good = draw.choice([REST, OTHER]), draw.random() < 0.6
            await deploy(app, f"p{draw.randrange(number + 1)}", stack, is_good=is_good)
            if draw.random() < 0.15:
                await app.use_cases.destroy(stack)
            left = collect(app, kept_deployments=draw.randrange(1, 4))
            needed = find_needed_packages(app.ledger, 1).needs
            good = {digest for digest, needs in needed.items() if "last good deployment" in {it.why for it in needs}}
            assert good <= left
