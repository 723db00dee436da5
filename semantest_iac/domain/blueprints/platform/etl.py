"""The ETL layer: the staging storage, the functions that transform what is in it, and a pipeline by flag."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.blueprints.platform.functions import build_functions_of
from semantest_iac.domain.blueprints.platform.layer import Layer, LayerContext, bucket_ref, identity_ref
from semantest_iac.domain.blueprints.platform.private_access import build_private_endpoint
from semantest_iac.domain.environments.platform.layer_settings import STAGING_BUCKET
from semantest_iac.domain.networking.private_endpoints import PrivateService
from semantest_iac.domain.resource import Ref
from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.domain.storage.object_stores import OBJECT_DAYS, ObjectStore

STAGING_REF, PIPELINE_REF = bucket_ref(STAGING_BUCKET), Ref("pipeline")
_WORKLOAD = "etl"


def build_etl(context: LayerContext) -> Layer:
    """Build the storage, which the layer's own identity and functions may use, these functions, and the pipeline."""
    etl, security = context.platform.etl, context.platform.environment.security
    identity = context.find_ref(identity_ref(_WORKLOAD))
    staging = ObjectStore(
        name=STAGING_REF,
        bucket=STAGING_BUCKET,
        users=(identity,) if identity else (),
        lifetime_days=etl.staging_days,
        recovery_days=min(security.soft_delete_days, OBJECT_DAYS[-1]),
        private=context.is_private,
    )
    private = (STAGING_REF, *context.find_refs(ObjectStore))
    endpoint = tuple(build_private_endpoint(context, PrivateService.OBJECTS, private))
    functions = build_functions_of(_WORKLOAD, context, (STAGING_REF,))
    pipeline = tuple(_build_pipeline(context))
    outputs = {"etl_staging": (STAGING_REF, "address"), **functions.outputs}
    if pipeline:
        outputs["etl_pipeline"] = (PIPELINE_REF, "name")
    return Layer((staging, *endpoint, *functions.resources, *pipeline), outputs)


def _build_pipeline(context: LayerContext) -> Iterator[DataPipeline]:
    etl = context.platform.etl
    if etl.data_factory:
        yield DataPipeline(name=PIPELINE_REF, store=STAGING_REF, hour=etl.pipeline_hour, private=context.is_private)
