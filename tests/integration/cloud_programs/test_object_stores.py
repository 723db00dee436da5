"""What a store of objects is on each cloud: closed, encrypted, and with rights for its users alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.resource import Ref
from semantest_iac.domain.security.vaults import WorkloadIdentity
from semantest_iac.domain.storage.object_stores import ObjectStore
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.sandbox_engine.trial_runs import list_created_resources

_IDENTITY = WorkloadIdentity(name=Ref("identity-etl"))
_STORE = ObjectStore(name=Ref("bucket-staging"), bucket="staging", users=(Ref("identity-etl"),), lifetime_days=30)


async def _create(store: ObjectStore, provider: str, folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return the properties of what a store creates, by the class of its type."""
    stack = Stack("etl", provider, "development", CLOUDS[provider].regions[0])
    created = await list_created_resources(Blueprint(stack, 1, (_IDENTITY, store), {}), "python3.13", folder)
    return {it.type.rpartition(":")[2]: {**it.inputs, "arn": it.outputs.get("arn")} for it in created}


async def test_a_bucket_is_closed_and_takes_nothing_in_the_clear(tmp_path: Path) -> None:
    created = await _create(_STORE, "aws", tmp_path)

    block = created["BucketPublicAccessBlock"]
    denied = json.loads(created["BucketPolicy"]["policy"])["Statement"]
    assert all(block[it] for it in block if it.startswith(("block", "ignore", "restrict")))
    assert {it["Effect"] for it in denied} == {"Deny"}
    assert {"aws:SecureTransport": "false"} in [it["Condition"].get("Bool") for it in denied]
    assert created["BucketVersioning"]["versioningConfiguration"] == {"status": "Enabled"}


async def test_users_of_a_bucket_get_its_objects_and_no_other_right(tmp_path: Path) -> None:
    created = await _create(_STORE, "aws", tmp_path)

    bucket = created["Bucket"]["arn"]
    allowed = json.loads(created["RolePolicy"]["policy"])["Statement"]
    assert [(it["Action"], it["Resource"]) for it in allowed] == [
        (["s3:ListBucket"], [bucket]),
        (["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], [f"{bucket}/*"]),
    ]


async def test_a_bucket_is_called_after_its_stack(tmp_path: Path) -> None:
    created = await _create(_STORE, "aws", tmp_path)

    assert created["Bucket"]["bucket"].startswith("semantest-etl-dev-staging-")


@pytest.mark.parametrize("private", [False, True])
async def test_an_account_has_no_keys_and_a_private_one_no_public_address(private: bool, tmp_path: Path) -> None:
    created = await _create(replace(_STORE, private=private), "azure", tmp_path)

    account = created["StorageAccount"]
    assert account["allowSharedKeyAccess"] is account["allowBlobPublicAccess"] is False
    assert account.get("publicNetworkAccess") == ("Disabled" if private else None)
    assert (account.get("networkRuleSet") or {}).get("defaultAction") == ("Deny" if private else None)
    assert created["BlobContainer"]["publicAccess"] == "None"


@pytest.mark.parametrize(("days", "has_policy"), [(30, True), (None, False)])
async def test_objects_without_a_lifetime_stay(days: int | None, has_policy: bool, tmp_path: Path) -> None:
    store = replace(_STORE, lifetime_days=days)

    on_azure = await _create(store, "azure", tmp_path / "azure")
    on_aws = await _create(store, "aws", tmp_path / "aws")

    rules = [it["id"] for it in on_aws["BucketLifecycleConfiguration"]["rules"]]
    assert ("ManagementPolicy" in on_azure) is has_policy
    assert ("lifetime" in rules) is has_policy
    assert "recovery" in rules
    assert on_azure["BlobServiceProperties"]["deleteRetentionPolicy"] == {"enabled": True, "days": 7}
