"""The storage layer: the tables and buckets of a component, which its functions and services name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from semantest_iac.domain.blueprints.platform.layer import Layer, LayerContext, bucket_ref, table_ref
from semantest_iac.domain.blueprints.platform.private_access import build_private_endpoint
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.networking.private_endpoints import PrivateService
from semantest_iac.domain.resource import Ref
from semantest_iac.domain.storage.item_tables import ItemTable
from semantest_iac.domain.storage.object_stores import ObjectStore


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


def find_stores(context: LayerContext, tables: Iterable[str], buckets: Iterable[str]) -> tuple[Ref, ...]:
    """Return the tables and buckets of these names; validation refuses those that the component does not have."""
    wanted = (*map(table_ref, tables), *map(bucket_ref, buckets))
    return tuple(ref for ref in dict.fromkeys(wanted) if context.find_ref(ref))
