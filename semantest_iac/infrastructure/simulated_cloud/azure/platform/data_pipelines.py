"""Data factories with what is in them, and workflows of Logic Apps.

Source of what is `DOC`: Azure's rules for names of Data Factory, and of Logic Apps' workflows.
"""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    ArmType,
    refine,
    stable_guid,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC, TERRAFORM, Length, Pattern
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule, UniqueHandle

FACTORY_TYPE: Final = "azure-native:datafactory:Factory"
LINKED_SERVICE_TYPE: Final = "azure-native:datafactory:LinkedService"
DATASET_TYPE: Final = "azure-native:datafactory:Dataset"
PIPELINE_TYPE: Final = "azure-native:datafactory:Pipeline"
WORKFLOW_TYPE: Final = "azure-native:logic:Workflow"

_FACTORY_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.DataFactory/factories/{{factoryName}}"
_CHILD_NAME: Final = (Length(1, 260, DOC), Pattern(r"^[A-Za-z0-9_][^<>*#.%&:\\+?/-]*\Z", DOC))

DATA_PIPELINE_TYPES: Final[dict[str, TypeRule]] = {
    FACTORY_TYPE: ArmType(FACTORY_TYPE, _FACTORY_ID).rule(
        {"factoryName": refine(Pattern(r"^[A-Za-z0-9][A-Za-z0-9-]{1,61}[A-Za-z0-9]\Z", TERRAFORM))},
        computed={"createTime": "{now}", "version": "2018-06-01", "eTag": stable_guid("eTag")},
        unique=(
            UniqueHandle(
                "{factoryName}",
                Refusal("FactoryNameInUse", "The factory name '{factoryName}' is already in use.", 409),
            ),
        ),
        latency_seconds=20,
    ),
    LINKED_SERVICE_TYPE: ArmType(LINKED_SERVICE_TYPE, f"{_FACTORY_ID}/linkedservices/{{linkedServiceName}}").rule(
        {"linkedServiceName": refine(*_CHILD_NAME)}
    ),
    DATASET_TYPE: ArmType(DATASET_TYPE, f"{_FACTORY_ID}/datasets/{{datasetName}}").rule(
        {"datasetName": refine(*_CHILD_NAME)}
    ),
    PIPELINE_TYPE: ArmType(PIPELINE_TYPE, f"{_FACTORY_ID}/pipelines/{{pipelineName}}").rule(
        {"pipelineName": refine(Length(1, 260, DOC))}
    ),
    WORKFLOW_TYPE: ArmType(WORKFLOW_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.Logic/workflows/{{workflowName}}").rule(
        {"workflowName": refine(Length(1, 43, DOC), Pattern(r"^[\w.()-]+\Z", DOC))},
        computed={
            "accessEndpoint": lambda facts: f"https://prod-00.{facts['region']}.logic.azure.com:443/workflows/x",
            **dict.fromkeys(("changedTime", "createdTime"), "{now}"),
            "version": "08584000000000000000",
            "sku": lambda _: {"name": "NotSpecified"},
        },
    ),
}
