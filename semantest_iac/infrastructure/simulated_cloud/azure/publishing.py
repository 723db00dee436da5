"""What meets code that is published to a function app: its identity must reach the storage of the package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import IDENTITY, SEEN
from semantest_iac.infrastructure.simulated_cloud.azure.function_apps import account_of, package_store
from semantest_iac.infrastructure.simulated_cloud.azure.identities import PROPAGATION, ROLE_ASSIGNMENT, age
from semantest_iac.infrastructure.simulated_cloud.azure.storage import ACCOUNT, CONTAINER, blob_endpoint
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Guard, Surroundings
from semantest_iac.infrastructure.simulated_cloud.values import Facts, Properties

_MAY_WRITE_BLOBS: Final = ("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "ba92f5b4-2d11-453d-a403-e96b0029c9fe")
_BY_KEY: Final = "StorageAccountConnectionString"
_FAILED: Final = "Failed to upload because Azure Storage responded with"


def _authentication(around: Surroundings) -> Properties:
    return Facts(package_store(around.facts)["authentication"] or {})


def _has_no_container(around: Surroundings) -> bool:
    url = package_store(around.facts)["value"]
    rows = around.rows(CONTAINER)
    return not any(blob_endpoint(row["accountName"]) + row["containerName"] == url for row in rows)


def _account(around: Surroundings) -> Properties:
    name = account_of(package_store(around.facts)["value"])
    return next((row for row in around.rows(ACCOUNT) if row["accountName"] == name), Facts())


def _may_not_use_its_key(around: Surroundings) -> bool:
    return _authentication(around)["type"] == _BY_KEY and _account(around)["allowSharedKeyAccess"] is False


def _principals(around: Surroundings) -> Iterator[str]:
    wanted = _authentication(around)["userAssignedIdentityResourceId"]
    if wanted:
        yield from (row["principalId"] for row in around.rows(IDENTITY) if row["id"] == wanted)
    else:
        yield (around.facts["identity"] or {}).get("principalId", "")


def _may_not_write_yet(around: Surroundings) -> bool:
    if _authentication(around)["type"] == _BY_KEY:
        return False
    account, principals = _account(around)["id"], set(_principals(around))
    return not any(
        _lets_write(row, account, around.facts["now"])
        for row in around.rows(ROLE_ASSIGNMENT)
        if row["principalId"] in principals
    )


def _lets_write(assignment: Properties, account: str, now: str) -> bool:
    return (
        str(assignment["roleDefinitionId"]).endswith(_MAY_WRITE_BLOBS)
        and account.startswith(assignment["scope"])
        and age(now, assignment["createdOn"]) >= PROPAGATION
    )


GUARDS: Final = (
    Guard(_has_no_container, Refusal("ContainerNotFound", f"{_FAILED} NotFound", 404), SEEN),
    Guard(
        _may_not_use_its_key,
        Refusal("Forbidden", "Key based authentication is not permitted on this storage account.", 403),
        SEEN,
    ),
    Guard(
        _may_not_write_yet,
        Refusal(
            "Forbidden",
            f"{_FAILED} Forbidden : Response status code does not indicate success: 403 (This request is not "
            "authorized to perform this operation.).",
            403,
            retryable=True,
            retry_after=15,
        ),
        SEEN,
    ),
)
