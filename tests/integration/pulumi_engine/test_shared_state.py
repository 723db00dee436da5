"""Two machines whose state is in one object store: what one deployed, the other finds, updates and destroys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest

from semantest_iac.bootstrap.engines import ENGINES, EngineContext
from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, REAL_CLOUD, SIMULATED_CLOUD, EngineChoice
from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder
from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings
from semantest_iac_events.values import ChangeCounts
from tests.fakes.secret_store import FakeSecretStore
from tests.integration.pulumi_engine.engine_home import STACK, EngineHome
from tests.object_stores import run_s3, secret_key


@pytest.fixture
def machines(tmp_path: Path, variables: dict[str, str]) -> Iterator[tuple[EngineHome, EngineHome]]:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a passphrase of the tests", encoding="utf-8")
    with run_s3() as server:
        server.create_bucket("state")
        address = urlparse(server.endpoint).netloc
        url = f"s3://state/iac?region=us-east-1&endpoint={address}&disableSSL=true&s3ForcePathStyle=true"
        given = {**variables, **server.variables, server.key_variable: secret_key(server)}
        homes = []
        for name in ("first", "second"):
            settings = BackendSettings(tmp_path / name / "pulumi", url, passphrase=passphrase, deadline_s=120)
            homes.append(EngineHome(tmp_path / name, given, settings=settings))
        homes[1].inventory.close()
        homes[1].inventory = homes[0].inventory  # the same account in the cloud
        yield homes[0], homes[1]
        homes[0].inventory.close()


class TestSharedState:
    async def test_is_found_updated_and_destroyed_by_another_machine(
        self, machines: tuple[EngineHome, EngineHome]
    ) -> None:
        first, second = machines
        await first.deploy(first.work())

        plan = await second.engine.preview(second.work())
        applied = await second.deploy(second.work({"components": {"rest-api": {"memory": 1024}}}))
        removed = await first.destroy()

        assert plan.changes == ChangeCounts(same=19)
        assert applied.changes.update
        assert removed == ChangeCounts(delete=19)
        assert second.live_resources() == []
        assert not (first.settings.folder / "state").exists()

    async def test_is_that_of_no_stack_where_nothing_was_deployed(
        self, machines: tuple[EngineHome, EngineHome]
    ) -> None:
        first, _ = machines

        state = await first.engine.read_state(STACK)

        assert state is not None
        assert state.live_resources == []


class TestEngineOfTheRegistry:
    def _create(self, tmp_path: Path, cloud: str) -> PulumiEngine:
        choice = EngineChoice(PULUMI_ENGINE, cloud)
        packages = PackageFolder(tmp_path / "artifacts")
        engine = ENGINES[PULUMI_ENGINE].provisioner(EngineContext(tmp_path, choice, FakeSecretStore({}), packages))
        assert isinstance(engine, PulumiEngine)
        return engine

    def test_keeps_the_state_of_real_clouds_where_variables_say(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEMANTEST_STATE_URL", "ftp://bucket")

        with pytest.raises(ConfigurationError, match="Cannot use the state of other machines"):
            self._create(tmp_path, REAL_CLOUD)

    def test_keeps_the_state_of_simulated_clouds_in_their_home(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEMANTEST_STATE_URL", "ftp://bucket")

        self._create(tmp_path, SIMULATED_CLOUD)
