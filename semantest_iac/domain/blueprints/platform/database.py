"""The database layer: a SQL server with its databases, a cache and documents, each with its own flag."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.blueprints.platform.layer import Layer, LayerContext
from semantest_iac.domain.blueprints.platform.private_access import build_private_endpoint
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.networking.private_endpoints import PrivateService
from semantest_iac.domain.networking.virtual_networks import NatGateway
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.vaults import Workload, WorkloadIdentity
from semantest_iac.domain.storage.databases import DocumentDatabase, RedisCache, SqlDatabase, SqlServer

SQL_SERVER_REF, CACHE_REF, DOCUMENTS_REF = Ref("sql-server"), Ref("cache"), Ref("documents")
ADMINISTRATOR_REF = Ref("identity-database-administrator")

_ADMINISTRATOR = WorkloadIdentity(name=ADMINISTRATOR_REF, workload=Workload.CONTAINER)
_PRIVATE_SERVICES = {
    SqlServer: PrivateService.DATABASE,
    RedisCache: PrivateService.CACHE,
    DocumentDatabase: PrivateService.DOCUMENTS,
}
_OUTPUTS = {SqlServer: "database_server", RedisCache: "database_cache", DocumentDatabase: "database_documents"}


def build_database(context: LayerContext) -> Layer:
    """Build what the flags ask for; in a network, all of it lies in its part for data."""
    stores = (*_build_sql(context), *_build_cache(context), *_build_documents(context))
    resources = (*([_ADMINISTRATOR] if stores else []), *stores)
    outputs = {
        f"{_OUTPUTS[type(it)]}_{attribute}": (it.name, attribute)
        for it in resources
        if type(it) in _OUTPUTS
        for attribute in ("name", "host")
    }
    return Layer((*resources, *_build_endpoints(context, resources)), outputs)


def _build_sql(context: LayerContext) -> Iterator[Resource]:
    database = context.platform.database
    if not database.databases:
        return
    yield SqlServer(
        name=SQL_SERVER_REF,
        tier=database.tier,
        backup_days=database.backup_days,
        high_availability=database.high_availability,
        administrator=ADMINISTRATOR_REF,
        private=context.is_private,
        final_snapshot=context.settings.is_production,
        subnet=context.find_subnet(NetworkPart.DATA),
        allowed_egress=next(iter(context.find_refs(NatGateway)), None),
    )
    for name in database.databases:
        yield SqlDatabase(
            name=f"database-{name}",
            database=name,
            server=SQL_SERVER_REF,
            tier=database.tier,
            backup_days=database.backup_days,
            high_availability=database.high_availability,
        )


def _build_cache(context: LayerContext) -> Iterator[Resource]:
    if context.platform.database.redis_cache:
        yield RedisCache(
            name=CACHE_REF,
            users=(*context.find_refs(WorkloadIdentity), ADMINISTRATOR_REF),
            high_availability=context.platform.database.high_availability,
            private=context.is_private,
            subnet=context.find_subnet(NetworkPart.DATA),
        )


def _build_documents(context: LayerContext) -> Iterator[Resource]:
    if context.platform.database.document_database:
        yield DocumentDatabase(
            name=DOCUMENTS_REF,
            users=(*context.find_refs(WorkloadIdentity), ADMINISTRATOR_REF),
            backup_days=context.platform.database.backup_days,
            private=context.is_private,
        )


def _build_endpoints(context: LayerContext, resources: tuple[Resource, ...]) -> Iterator[Resource]:
    for it in resources:
        if service := _PRIVATE_SERVICES.get(type(it)):
            yield from build_private_endpoint(context, service, (Ref(it.name),))
