"""Machines find each other's packages in an object store, and a home that was moved finds its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from semantest_iac.application.package_collection import collect_packages
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ArtifactStoreError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from tests.object_stores import ObjectStoreServer, run_s3, secret_key

STACK = Stack("rest-api", "aws", "development", "us-east-1")


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStoreServer]:
    with run_s3() as running:
        yield running


@pytest.fixture
def shared_url(server: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty store, which every home of the test has in its environment."""
    name = f"packages-{uuid4().hex[:12]}"
    server.create_bucket(name)
    url = f"s3://{name}/shop"
    for variable, value in {**server.variables, server.key_variable: secret_key(server)}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("SEMANTEST_ARTIFACTS_URL", url)
    return url


def write_source(folder: Path, status: int, body: str) -> dict[str, object]:
    """Write a function that always answers this, and return the configuration of its component."""
    folder.mkdir(exist_ok=True)
    text = f"def handler(event, context):\n    return {{'statusCode': {status}, 'body': '{body}'}}\n"
    (folder / "app.py").write_text(text, encoding="utf-8")
    return {"components": {"rest-api": {"source": str(folder), "handler": "app.handler"}}}


def forget_packages(home: Path) -> None:
    """Leave the home as one that never had packages."""
    for name in ("artifacts", "runtime"):
        shutil.rmtree(home / name)


async def test_rolls_back_and_serves_on_a_machine_without_the_packages(
    home: Path, tmp_path: Path, shared_url: str
) -> None:
    good = await Application(home).deployments({}).deploy(STACK, write_source(tmp_path / "source", 200, "first"))
    forget_packages(home)
    use_cases = Application(home).deployments({})

    answer = await use_cases.call(STACK, HttpRequest("GET", "/"))
    forget_packages(home)
    bad = await use_cases.deploy(STACK, write_source(tmp_path / "source", 500, "second"))

    assert answer.response.body == b"first"
    assert (bad.state, (bad.error or {})["restored_deployment"]) == ("rolled_back", good.deployment)
    assert (await use_cases.call(STACK, HttpRequest("GET", "/"))).response.body == b"first"
    assert {package.is_shared for package in Application(home).artifact_store.list_packages()} == {True}


async def test_takes_a_known_package_from_the_store(home: Path, tmp_path: Path, shared_url: str) -> None:
    configuration = write_source(tmp_path / "source", 200, "first")
    await Application(home).deployments({}).deploy(STACK, configuration)
    for package in (home / "artifacts").glob("*.zip"):
        package.unlink()

    again = await Application(home).deployments({}).deploy(STACK, configuration)

    assert (again.state, again.changes["update"]) == ("completed", 0)


async def test_changes_nothing_where_the_package_cannot_be_stored(
    home: Path, tmp_path: Path, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMANTEST_ARTIFACTS_URL", f"{shared_url}-not/shop".replace("s3://", "s3://no-"))

    with pytest.raises(ArtifactStoreError) as refused:
        await Application(home).deployments({}).deploy(STACK, write_source(tmp_path / "source", 200, "first"))

    assert refused.value.error_code == "ARTIFACT_STORE_MISSING"
    assert Application(home).ledger.head().position == 0
    assert (await Application(home).deployments({}).preview_destroy(STACK)).resources == ()


async def test_previews_without_the_store(home: Path, tmp_path: Path, shared_url: str) -> None:
    application = Application(home)
    await application.deployments({}).preview(STACK, write_source(tmp_path / "source", 200, "first"))

    assert {package.is_shared for package in application.artifact_store.list_packages()} == {False}


async def test_rolls_back_in_a_home_that_was_moved(home: Path, tmp_path: Path) -> None:
    good = await Application(home).deployments({}).deploy(STACK, write_source(tmp_path / "source", 200, "first"))
    shutil.move(home, tmp_path / "moved")

    bad = (
        await Application(tmp_path / "moved")
        .deployments({})
        .deploy(STACK, write_source(tmp_path / "source", 500, "second"))
    )

    assert (bad.state, (bad.error or {})["restored_deployment"]) == ("rolled_back", good.deployment)


async def test_rolls_back_to_what_was_not_collected(home: Path, tmp_path: Path, shared_url: str) -> None:
    application = Application(home)
    for number in range(4):
        good = await application.deployments({}).deploy(STACK, write_source(tmp_path / "source", 200, f"v{number}"))
    later = datetime.now(UTC) + timedelta(days=2)

    verdicts = collect_packages(application.artifact_store, application.ledger, later, kept_deployments=1)
    forget_packages(home)
    bad = await application.deployments({}).deploy(STACK, write_source(tmp_path / "source", 500, "bad"))

    assert len([verdict for verdict in verdicts if not verdict.needs]) == 3
    assert (bad.state, (bad.error or {})["restored_deployment"]) == ("rolled_back", good.deployment)
