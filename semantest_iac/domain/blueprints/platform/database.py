"""The layers of data: databases (SQL, a cache and documents, each with its own flag), and tables and buckets."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.blueprints.platform.layer import (
    Layer,
    LayerContext,
    bucket_ref,
    service_identity_ref,
    table_ref,
)
from semantest_iac.domain.blueprints.platform.private_access import build_private_endpoint
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.networking.private_endpoints import PrivateService
from semantest_iac.domain.networking.virtual_networks import NatGateway
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.vaults import Workload, WorkloadIdentity
from semantest_iac.domain.storage.databases import DocumentDatabase, RedisCache, SqlDatabase, SqlServer
from semantest_iac.domain.storage.item_tables import ItemTable
from semantest_iac.domain.storage.object_stores import ObjectStore

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
        allowed_egress=context.find_first(NatGateway),
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
            users=_find_users(context, "cache"),
            high_availability=context.platform.database.high_availability,
            private=context.is_private,
            subnet=context.find_subnet(NetworkPart.DATA),
        )


def _build_documents(context: LayerContext) -> Iterator[Resource]:
    if context.platform.database.document_database:
        yield DocumentDatabase(
            name=DOCUMENTS_REF,
            users=_find_users(context, "documents"),
            backup_days=context.platform.database.backup_days,
            private=context.is_private,
        )


def _find_users(context: LayerContext, binding: str) -> tuple[Ref, ...]:
    """Return the identities that use it: of services, only those that say so."""
    services = {service_identity_ref(it.name): it for it in context.platform.services.services.values()}
    others = (it for it in context.find_refs(WorkloadIdentity) if it not in services)
    bound = (it for it, service in services.items() if context.find_ref(it) and getattr(service.bindings, binding))
    return (*others, *bound, ADMINISTRATOR_REF)


def _build_endpoints(context: LayerContext, resources: tuple[Resource, ...]) -> Iterator[Resource]:
    for it in resources:
        if service := _PRIVATE_SERVICES.get(type(it)):
            yield from build_private_endpoint(context, service, (Ref(it.name),))


def build_storage(context: LayerContext) -> Layer:
    """Build the tables and buckets; the endpoint of buckets is with the staging storage, which shares it."""
    stores = tuple(build_stores(context.settings, private=context.is_private))
    tables = tuple(Ref(it.name) for it in stores if isinstance(it, ItemTable))
    outputs = {f"storage_{it.name.replace('-', '_')}": (it.name, "address") for it in stores}
    return Layer((*stores, *build_private_endpoint(context, PrivateService.TABLES, tables)), outputs)


def build_stores(settings: ComponentSettings, *, private: bool = False) -> Iterator[ItemTable | ObjectStore]:
    """Yield the tables and buckets of a component, which stay in the stack of production when they are taken out."""
    stores, keep = settings.stores, settings.is_production
    for name in stores.tables:
        yield ItemTable(name=table_ref(name), table=name, backup_days=stores.backup_days, private=private, keep=keep)
    for name in stores.buckets:
        yield ObjectStore(
            name=bucket_ref(name), bucket=name, recovery_days=stores.backup_days, private=private, keep=keep
        )
