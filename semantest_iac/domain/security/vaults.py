"""Vaults of secrets, the identities of workloads, and the rights that they have on single resources."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVault(Resource):
    """A place for secrets with a key of its own, which can be recovered for `recovery_days` after a delete.

    The days are fixed when the vault is created. `purge_protection` lets nobody shorten them, and cannot be undone.
    A `private` vault is reached from the network of the stack only.
    """

    recovery_days: int
    purge_protection: bool = False
    private: bool = False


class Workload(StrEnum):
    """What runs as an identity."""

    FUNCTION = "function"
    CONTAINER = "container"
    PIPELINE = "pipeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadIdentity(Resource):
    """The identity of one workload; it has no right until one is assigned to it."""

    workload: Workload = Workload.FUNCTION


class AccessRight(StrEnum):
    """What an identity may do with a resource; it says nothing about how the resource is managed."""

    READ_SECRETS = "read_secrets"
    SEND_MESSAGES = "send_messages"
    RECEIVE_MESSAGES = "receive_messages"
    READ_WRITE_OBJECTS = "read_write_objects"
    READ_WRITE_ITEMS = "read_write_items"
    CONNECT_DATABASE = "connect_database"
    SEND_TELEMETRY = "send_telemetry"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssignment(Resource):
    """Gives an identity one right on one resource, and on nothing else."""

    identity: Ref
    target: Ref
    right: AccessRight
