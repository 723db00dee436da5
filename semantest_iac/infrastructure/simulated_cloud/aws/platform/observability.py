"""X-Ray's groups and sampling rules, and CloudWatch's dashboards."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC, OneOf, ValueKind
from semantest_iac.infrastructure.simulated_cloud.schema.published import change_kind, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule, UniqueHandle

TRACE_GROUP_TYPE: Final = "aws:xray/group:Group"
SAMPLING_RULE_TYPE: Final = "aws:xray/samplingRule:SamplingRule"
DETECTOR_TYPE: Final = "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector"
QUERY_TYPE: Final = "aws:cloudwatch/queryDefinition:QueryDefinition"
DASHBOARD_TYPE: Final = "aws:cloudwatch/dashboard:Dashboard"

OBSERVABILITY_TYPES: Final[dict[str, TypeRule]] = {
    TRACE_GROUP_TYPE: AwsType(
        TRACE_GROUP_TYPE, "{arn}", "arn:aws:xray:{region}:{account}:group/{groupName}/{large17}", name_input=""
    ).rule(
        {"groupName": refine(force_new=True)},
        unique=(UniqueHandle("{groupName}", Refusal("InvalidRequestException", "Group {groupName} already exists.")),),
    ),
    SAMPLING_RULE_TYPE: AwsType(
        SAMPLING_RULE_TYPE, "{ruleName}", "arn:aws:xray:{region}:{account}:sampling-rule/{ruleName}"
    ).rule(
        {"version": refine(OneOf((1,), DOC)), "ruleName": refine(force_new=True, computed_default=True)},
        name_input="ruleName",
        unique=(UniqueHandle("{ruleName}", Refusal("InvalidRequestException", "Rule {ruleName} already exists.")),),
    ),
    DETECTOR_TYPE: AwsType(DETECTOR_TYPE, arn="arn:aws:logs:{region}:{account}:anomaly-detector:{uuid}").rule(),
    QUERY_TYPE: AwsType(QUERY_TYPE, "{uuid}", "arn:aws:logs:{region}:{account}:query-definition:{uuid}").rule(
        computed={"queryDefinitionId": "{uuid}"}
    ),
    DASHBOARD_TYPE: AwsType(DASHBOARD_TYPE, "{dashboardName}").rule(
        {"dashboardBody": change_kind(ValueKind.JSON)},
        computed={"dashboardArn": "arn:aws:cloudwatch::{account}:dashboard/{dashboardName}"},
        account_wide=True,  # its ARN has no region
        create_overwrites=True,  # as the reference of PutDashboard says
    ),
}
