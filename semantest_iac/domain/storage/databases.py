"""SQL servers with their databases, caches, and databases of documents."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlStorage(Resource):
    """What a SQL server and its databases share; the cloud chooses a size for the `tier`.

    A database can be restored to any moment of the last `backup_days`. With `high_availability` a second zone takes
    over where one fails, and backups are kept in a second region where the cloud has that.
    """

    tier: Tier = "basic"
    backup_days: int = 7
    high_availability: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlServer(SqlStorage):
    """A server for SQL databases, encrypted, whose first login belongs to the identity `administrator`.

    It lies in `subnet` where a cloud's servers lie in networks. A `private` server has no public address; another one
    lets in what comes from the address of `allowed_egress`, a NAT gateway. With a
    `final_snapshot` its last state outlives it, where the cloud has these.
    """

    administrator: Ref
    private: bool = False
    final_snapshot: bool = False
    subnet: Ref | None = None
    allowed_egress: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlDatabase(SqlStorage):
    """A database of a server, known to its users as `database`."""

    database: str
    server: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisCache(Resource):
    """A cache that speaks the protocol of Redis with TLS, and lets in the identities of its `users` alone.

    It lies in `subnet` where a cloud's caches lie in networks.
    """

    users: tuple[Ref, ...] = ()
    high_availability: bool = False
    private: bool = False
    subnet: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDatabase(Resource):
    """Documents with a key, which cost by use; the identities of its `users` read and write them."""

    users: tuple[Ref, ...] = ()
    backup_days: int = 7
    private: bool = False


DOCUMENT_KEY = "id"
"""The name of the key of every document."""
