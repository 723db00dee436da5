"""Examples of databases, caches, documents and stores of objects."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.domain.resource import Ref
from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.domain.storage.databases import DocumentDatabase, RedisCache, SqlDatabase, SqlServer
from semantest_iac.domain.storage.item_tables import ItemTable
from semantest_iac.domain.storage.object_stores import ObjectStore
from tests.kind_examples.example import KindExample
from tests.kind_examples.security import WORKLOAD_IDENTITY

_IDENTITY = Ref(WORKLOAD_IDENTITY.name)
_SERVER = SqlServer(name=Ref("sql-server"), administrator=_IDENTITY)
_DATABASE = SqlDatabase(name=Ref("database-semantest"), database="semantest", server=Ref("sql-server"))
_CACHE = RedisCache(name=Ref("cache"), users=(_IDENTITY,))
_DOCUMENTS = DocumentDatabase(name=Ref("documents"), users=(_IDENTITY,))
STAGING_STORE = ObjectStore(name=Ref("bucket-staging"), bucket="staging", users=(_IDENTITY,), lifetime_days=30)
_TABLE = ItemTable(name=Ref("table-orders"), table="orders")
PIPELINE = DataPipeline(name=Ref("pipeline"), store=Ref("bucket-staging"))

DATABASE_EXAMPLES = (
    KindExample(
        resource=PIPELINE,
        changed=replace(PIPELINE, hour=5),
        change=("update",),
        needs=(WORKLOAD_IDENTITY, STAGING_STORE),
        outputs=("id", "name"),
        unpriced=("aws", "azure"),
    ),
    KindExample(
        resource=replace(STAGING_STORE, private=True),
        changed=replace(STAGING_STORE, private=True, lifetime_days=14, recovery_days=14),
        change=("update",),
        needs=(WORKLOAD_IDENTITY,),
        outputs=("id", "name", "address"),
        unpriced=("aws", "azure"),
    ),
    KindExample(
        resource=_SERVER,
        changed=replace(_SERVER, backup_days=14),
        change=("update",),
        changes={"azure": ()},  # each database has its own backups there
        needs=(WORKLOAD_IDENTITY,),
        outputs=("id", "name", "host"),
        unpriced=("aws",),
    ),
    KindExample(
        resource=_DATABASE,
        changed=replace(_DATABASE, backup_days=3),
        change=("update",),
        changes={"aws": ()},  # an instance backs all of its databases up
        needs=(WORKLOAD_IDENTITY, _SERVER),
        outputs=("id", "name", "host"),
        unpriced=("azure",),
    ),
    KindExample(
        resource=_CACHE,
        changed=replace(_CACHE, users=()),
        change=("delete", "update"),
        changes={"azure": ("delete",)},
        needs=(WORKLOAD_IDENTITY,),
        outputs=("id", "name", "host"),
        unpriced=("aws", "azure"),
    ),
    KindExample(
        resource=_DOCUMENTS,
        changed=replace(_DOCUMENTS, backup_days=14),
        change=("update",),
        needs=(WORKLOAD_IDENTITY,),
        outputs=("id", "name", "host"),
        unpriced=("aws", "azure"),
    ),
    KindExample(
        resource=_TABLE,
        changed=replace(_TABLE, backup_days=14),
        change=("update",),
        changes={"azure": ()},  # which has no backups of tables
        outputs=("id", "name", "address"),
        unpriced=("azure",),
    ),
)
