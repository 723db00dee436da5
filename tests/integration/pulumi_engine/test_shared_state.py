"""Two machines whose state is in one object store: what one deployed, the other finds, updates and destroys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse

import pytest

from semantest_iac.bootstrap.engines import ENGINES, EngineContext
from semantest_iac.domain.errors import ConfigurationError, DeploymentError, StateStoreError
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, REAL_CLOUD, SIMULATED_CLOUD, EngineChoice
from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder
from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import (
    STATE_PASSPHRASE_VARIABLE,
    STATE_URL_VARIABLE,
    read_backend_settings,
)
from semantest_iac.infrastructure.pulumi_engine.state.maintenance import StateMaintenance
from semantest_iac.infrastructure.pulumi_engine.state.owners import read_owners
from semantest_iac.infrastructure.pulumi_engine.state.states import state_name
from semantest_iac_events.values import ChangeCounts
from tests.fakes.secret_store import FakeSecretStore
from tests.integration.pulumi_engine.engine_home import STACK, EngineHome
from tests.object_stores import run_azurite, run_s3, secret_key
from tests.unit.pulumi_engine.stored_states import build_checkpoint


@contextmanager
def _serve_store(kind: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve an object store for the block; gives the URL of a state in it, and the variables that open it."""
    with run_s3() if kind == "s3" else run_azurite() as server:
        server.create_bucket("state")
        address, key = urlparse(server.endpoint).netloc, secret_key(server)
        if kind == "s3":
            options = f"region=us-east-1&endpoint={address}&disableSSL=true&s3ForcePathStyle=true"
            yield f"s3://state/iac?{options}", {**server.variables, server.key_variable: key}
        else:
            account = server.variables["AZURE_STORAGE_ACCOUNT_NAME"]
            url = f"azblob://state/iac?protocol=http&localemu=true&domain={address}"
            yield url, {"AZURE_STORAGE_ACCOUNT": account, "AZURE_STORAGE_KEY": key}


@pytest.fixture(params=["s3", "azblob"])
def machines(
    request: pytest.FixtureRequest, tmp_path: Path, variables: dict[str, str]
) -> Iterator[tuple[EngineHome, EngineHome]]:
    """Two homes with one account in the cloud and one state in an object store."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a passphrase of the tests", encoding="utf-8")
    with _serve_store(request.param) as (url, credentials):
        given = {STATE_URL_VARIABLE: url, STATE_PASSPHRASE_VARIABLE: str(passphrase)}
        first, second = (
            EngineHome(
                tmp_path / name,
                {**variables, **credentials},
                settings=replace(read_backend_settings(tmp_path / name / "pulumi", given), deadline_s=120),
            )
            for name in ("first", "second")
        )
        second.inventory.close()
        second.inventory = first.inventory
        yield first, second
        first.inventory.close()


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
        states = StateMaintenance(second.settings, second.supervisor.variables)
        assert len(states.list_backups(str(STACK))) >= 2
        assert read_owners(states.files, str(STACK)) == []

    async def test_is_that_of_no_stack_where_nothing_was_deployed(
        self, machines: tuple[EngineHome, EngineHome]
    ) -> None:
        first, _ = machines

        assert await first.engine.read_state(STACK) is None

    async def test_that_is_foreign_is_never_overwritten(self, machines: tuple[EngineHome, EngineHome]) -> None:
        first, second = machines
        states = StateMaintenance(first.settings, first.supervisor.variables)
        name, foreign = state_name(str(STACK)), build_checkpoint("websocket.aws.staging.us-east-1")
        states.files.write(name, foreign)

        with pytest.raises(DeploymentError) as refused:
            await second.deploy(second.work())

        assert (refused.value.error_code, states.files.read(name)) == ("STATE_FOREIGN", foreign)
        assert second.live_resources() == []

    def test_in_a_bucket_that_does_not_exist_is_no_empty_state(self, machines: tuple[EngineHome, EngineHome]) -> None:
        first, _ = machines
        missing = first.settings.backend.replace("://state", "://missing")
        states = StateMaintenance(replace(first.settings, backend=missing), first.supervisor.variables)

        with pytest.raises(StateStoreError, match="it does not exist"):
            states.list_stacks()


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
