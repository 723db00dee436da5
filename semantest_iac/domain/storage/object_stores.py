"""Stores of files, which clouds call objects or blobs."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Ref, Resource, address_variable

OBJECT_DAYS = range(1, 365 + 1)
"""For how many days objects can be kept, and restored, on every cloud."""
BUCKET_VARIABLE_PREFIX = "SEMANTEST_BUCKET_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStore(Resource):
    """Objects by name in one `bucket`, encrypted; the identities of its `users` read, write and delete them.

    Nobody reads them without an identity. An object is deleted `lifetime_days` after its last change (None: never), and
    one that was deleted or overwritten can be restored for `recovery_days`. A `private` store is reached from the
    network of the stack only. With `keep` it stays in the cloud, with its objects, when it is no longer part of the
    stack.
    """

    bucket: str
    users: tuple[Ref, ...] = ()
    lifetime_days: int | None = None
    recovery_days: int = 7
    private: bool = False
    keep: bool = False


def bucket_variable(bucket: str) -> str:
    """Return the name of the variable with the place of a bucket; that of `my-files` ends with MY_FILES."""
    return address_variable(BUCKET_VARIABLE_PREFIX, bucket)
