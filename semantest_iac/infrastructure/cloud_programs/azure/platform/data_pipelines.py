"""Pipelines of data on Data Factory, and the workflows that start them.

A trigger of Data Factory is created stopped, and only a call that no resource makes starts it; so a workflow of Logic
Apps starts the pipeline. Source: pulumi/pulumi-azure-native#3540, and Azure's reference of triggers (Start).
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import datafactory, logic

from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.infrastructure.cloud_programs.azure.foundation import (
    azure_name,
    common_arguments,
    globally_unique_name,
)
from semantest_iac.infrastructure.cloud_programs.azure.security import create_role_assignment
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_MANAGEMENT = "https://management.azure.com"
_DEFINITION_SCHEMA = (
    f"{_MANAGEMENT}/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"  # the address is a name
)
_LINKED_SERVICE = "staging"
_LONGEST_RUN = "0.06:00:00"


def create_data_pipeline(pipeline: DataPipeline, context: ProgramContext) -> Outputs:
    """Create a factory with the pipeline, which acts on the store as the factory's own identity."""
    store = context.outputs[pipeline.store]
    factory = datafactory.Factory(
        pipeline.name,
        factory_name=globally_unique_name("factory", context, pipeline.name),
        identity={"type": datafactory.FactoryIdentityType.SYSTEM_ASSIGNED},
        public_network_access="Enabled",
        **common_arguments(context),
        opts=context.options(),
    )
    principal = {"principal": factory.identity.apply(lambda it: it.principal_id if it else "")}
    right = create_role_assignment(pipeline.name, "objects", store["arn"], principal, context)
    of_factory = {
        "factory_name": factory.name,
        "resource_group_name": context.outputs[FOUNDATION]["group"],
        "opts": context.options(),
    }
    service = datafactory.LinkedService(
        pipeline.name,
        linked_service_name=_LINKED_SERVICE,
        properties=datafactory.AzureBlobStorageLinkedServiceArgs(
            type="AzureBlobStorage", service_endpoint=store["blobs"], account_kind="StorageV2"
        ),
        **of_factory,
    )
    folders = {
        folder: _create_folder(f"{pipeline.name}-{folder}", folder, service, store["name"], of_factory)
        for folder in (pipeline.source, pipeline.target)
    }
    created = datafactory.Pipeline(
        pipeline.name,
        pipeline_name="move",
        activities=[_build_move(folders[pipeline.source], folders[pipeline.target])],
        concurrency=1,
        **of_factory | {"opts": context.options(depends_on=[right])},
    )
    _create_workflow(pipeline, factory, created, context)
    return {"id": factory.id, "arn": created.id, "name": pulumi.Output.concat(factory.name, "/", created.name)}


def _create_folder(
    name: str,
    folder: str,
    service: datafactory.LinkedService,
    container: pulumi.Input[str],
    of_factory: dict[str, Any],
) -> datafactory.Dataset:
    return datafactory.Dataset(
        name,
        dataset_name=folder,
        properties=datafactory.BinaryDatasetArgs(
            type="Binary",
            linked_service_name={"reference_name": service.name, "type": "LinkedServiceReference"},
            location=datafactory.AzureBlobStorageLocationArgs(
                type="AzureBlobStorageLocation", container=container, folder_path=folder
            ),
        ),
        **of_factory,
    )


def _build_move(source: datafactory.Dataset, target: datafactory.Dataset) -> datafactory.CopyActivityArgs:
    """Return the activity that copies every file below a folder and deletes what it has copied."""
    return datafactory.CopyActivityArgs(
        name="move",
        type="Copy",
        inputs=[{"reference_name": source.name, "type": "DatasetReference"}],
        outputs=[{"reference_name": target.name, "type": "DatasetReference"}],
        source=datafactory.BinarySourceArgs(
            type="BinarySource",
            store_settings=datafactory.AzureBlobStorageReadSettingsArgs(
                type="AzureBlobStorageReadSettings",
                recursive=True,
                wildcard_file_name="*",
                delete_files_after_completion=True,
            ),
        ),
        sink=datafactory.BinarySinkArgs(
            type="BinarySink",
            store_settings=datafactory.AzureBlobStorageWriteSettingsArgs(
                type="AzureBlobStorageWriteSettings", copy_behavior="PreserveHierarchy"
            ),
        ),
        policy={"retry": 3, "retry_interval_in_seconds": 60, "timeout": _LONGEST_RUN},
    )


def _create_workflow(
    pipeline: DataPipeline, factory: datafactory.Factory, moved: datafactory.Pipeline, context: ProgramContext
) -> None:
    """Start the pipeline every day, as an identity that may do that in the factory alone."""
    workflow = logic.Workflow(
        pipeline.name,
        workflow_name=azure_name("workflow", context, pipeline.name),
        identity={"type": logic.ManagedServiceIdentityType.SYSTEM_ASSIGNED},
        state="Enabled",
        definition=build_workflow(pipeline, moved.id),
        **common_arguments(context),
        opts=context.options(),
    )
    principal = {"principal": workflow.identity.apply(lambda it: it.principal_id if it else "")}
    create_role_assignment(f"{pipeline.name}-start", "pipelines", factory.id, principal, context)


def build_workflow(pipeline: DataPipeline, id_: pulumi.Input[str]) -> dict[str, Any]:
    """Return the definition of the workflow; source: Azure's references of its language, and of runs of pipelines."""
    address = pulumi.Output.concat(_MANAGEMENT, id_, "/createRun?api-version=2018-06-01")
    schedule = {"hours": [pipeline.hour], "minutes": [0]}
    return {
        "$schema": _DEFINITION_SCHEMA,
        "contentVersion": "1.0.0.0",
        "triggers": {
            "daily": {
                "type": "Recurrence",
                "recurrence": {"frequency": "Day", "interval": 1, "timeZone": "UTC", "schedule": schedule},
            }
        },
        "actions": {
            "start": {
                "type": "Http",
                "runAfter": {},
                "inputs": {
                    "method": "POST",
                    "uri": address,
                    "body": {},
                    "authentication": {"type": "ManagedServiceIdentity", "audience": f"{_MANAGEMENT}/"},
                },
            }
        },
        "outputs": {},
    }
