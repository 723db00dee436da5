"""The ETL layer: its storage, and the functions that belong to it, alone and in the platform."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint
from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.domain.storage.object_stores import ObjectStore
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from tests.unit.domain.layer_resources import build_resources, list_users

_JOB = {"handler": "etl.job", "trigger": {"queue": "etl-queue"}}
_NIGHTLY = {"handler": "etl.nightly", "trigger": {"schedule": "0 3 * * *"}}


@pytest.mark.parametrize("component", ["etl", "platform"])
def test_jobs_use_the_storage_and_other_functions_do_not(component: str) -> None:
    resources = build_resources(component)

    assert list_users(resources, "bucket-staging") == {"function-etl-processor", "identity-etl-processor"}


def test_alone_it_has_the_queue_of_jobs_and_no_other() -> None:
    resources = build_resources("etl")

    assert [name for name in resources if name.startswith(("queue-", "topic-"))] == ["queue-etl-queue"]
    assert "schedule-scheduled-sync" not in resources


def test_every_function_of_a_pipeline_alone_belongs_to_it() -> None:
    functions = {"job": _JOB, "nightly": _NIGHTLY}

    resources = build_resources("etl", components={"etl": {"source": ".", "functions": functions}})

    assert list_users(resources, "bucket-staging") == {
        "function-job",
        "identity-job",
        "function-nightly",
        "identity-nightly",
    }


def test_in_the_platform_only_jobs_belong_to_it() -> None:
    functions = {"job": _JOB, "nightly": _NIGHTLY}

    resources = build_resources("platform", components={"platform": {"source": ".", "functions": functions}})

    assert list_users(resources, "bucket-staging") == {"function-job", "identity-job"}
    assert {"function-nightly", "function-job"} <= {*resources}


@pytest.mark.parametrize("flag", ["enable_functions", "enable_service_bus"])
@pytest.mark.parametrize("component", ["etl", "platform"])
def test_without_functions_or_queues_the_storage_stays(component: str, flag: str) -> None:
    resources = build_resources(component, features={flag: False})

    assert "bucket-staging" in resources
    assert list_users(resources, "bucket-staging") == set()


@pytest.mark.parametrize(("environment", "is_private"), [("development", False), ("staging", True)])
def test_the_storage_is_private_where_the_environment_says_so(environment: str, is_private: bool) -> None:
    resources = build_resources("platform", environment)

    store, endpoint = resources["bucket-staging"], resources.get("endpoint-objects")
    assert isinstance(store, ObjectStore)
    assert store.private is is_private
    assert isinstance(endpoint, PrivateEndpoint) is is_private
    assert store.users == ("identity-etl",)


def test_alone_nothing_is_private_because_nobody_could_reach_it() -> None:
    store = build_resources("etl", "staging")["bucket-staging"]

    assert isinstance(store, ObjectStore)
    assert (store.private, store.users) == (False, ())


def test_days_are_those_of_the_configuration() -> None:
    written: dict[str, Any] = {"components": {"etl": {"etl": {"staging_days": 3}}}, "security": {"soft_delete_days": 9}}

    store = build_resources("etl", **written)["bucket-staging"]

    assert isinstance(store, ObjectStore)
    assert (store.lifetime_days, store.recovery_days) == (3, 9)


@pytest.mark.parametrize("component", ["etl", "platform"])
@pytest.mark.parametrize(
    ("environment", "flag", "is_built"),
    [("development", None, True), ("development", False, False), ("qa", None, False), ("qa", True, True)],
)
def test_the_pipeline_follows_its_flag(component: str, environment: str, flag: bool | None, is_built: bool) -> None:
    written: dict[str, Any] = {} if flag is None else {"features": {"enable_data_factory": flag}}

    assert ("pipeline" in build_resources(component, environment, **written)) is is_built


def test_the_pipeline_runs_at_the_hour_of_the_configuration() -> None:
    pipeline = build_resources("etl", components={"etl": {"etl": {"pipeline_hour": 5}}})["pipeline"]

    assert isinstance(pipeline, DataPipeline)
    assert (pipeline.hour, pipeline.store, pipeline.private) == (5, "bucket-staging", False)


@pytest.mark.parametrize(("provider", "is_refused"), [("aws", False), ("azure", True)])
def test_a_private_pipeline_is_refused_where_a_person_would_have_to_let_it_in(provider: str, is_refused: bool) -> None:
    pipeline = build_resources("platform", "staging", features={"enable_data_factory": True})["pipeline"]
    assert isinstance(pipeline, DataPipeline)

    reason = find_cloud(provider).capabilities.unsupported_reason(capabilities.PRIVATE_PIPELINE)

    assert pipeline.private
    assert bool(reason) is is_refused


@pytest.mark.parametrize("component", ["etl", "functions", "platform"])
def test_a_timeout_of_the_component_is_that_of_its_functions(component: str) -> None:
    """Messages wait for no gateway, which ends requests after 29 seconds."""
    settings = resolve_component(
        DeploymentConfiguration.model_validate({"components": {component: {"timeout": 120}}}), component, "qa"
    )

    assert {it.timeout for it in settings.functions} == {120}
