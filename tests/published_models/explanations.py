"""Findings that are none, each with its reason and where that can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.published_models.findings import Explanation, Finding

EXPLANATIONS: Final = (
    Explanation(
        "aws:cloudfront/distribution:Distribution",
        "restrictions.geoRestriction",
        "lacks Quantity of GeoRestriction",
        "the provider counts the elements of each list",
        "expandGeoRestriction in the source of Terraform's aws_cloudfront_distribution",
        "ContentDelivery",
    ),
    Explanation(
        "aws:cloudfront/distribution:Distribution",
        "customErrorResponses.*.responseCode",
        "is no string",
        "the provider takes a number and sends it as text",
        "the inputs of Distribution in Pulumi's SDK, and ResponseCode in botocore's model",
        "ContentDelivery",
    ),
    Explanation(
        "aws:route53/record:Record",
        "records.*",
        "is no structure",
        "the provider takes texts and sends each as the Value of a structure",
        "the inputs of Record in Pulumi's SDK, and ResourceRecord in botocore's model",
        "ContentDelivery",
    ),
    Explanation(
        "azure-native:*",
        "identity.userAssignedIdentities",
        "is no map",
        "Pulumi takes a list of ids and sends the map that Resource Manager asks for",
        "the description of the property in Pulumi's SDK",
        "ServerlessFunction",
    ),
    Explanation(
        "aws:s[nq]s/*",
        "*",
        "is no string",
        "attributes are texts in requests, and the provider writes numbers and flags as texts",
        "SetQueueAttributes and CreateTopic in botocore's models",
        "MessageQueue",
    ),
    Explanation(
        "aws:networkfirewall/ruleGroup:RuleGroup",
        "ruleGroup.ruleVariables.ipSets",
        "is no map",
        "the provider takes a list of sets with their keys, and sends the map of them that the API asks for",
        "the inputs of RuleGroup in Pulumi's SDK (ipSets: key, ipSet), and IPSets in botocore's model",
        "NetworkFirewall",
    ),
    Explanation(
        "aws:apigateway/usagePlan:UsagePlan",
        "apiStages.*.throttles",
        "is no map",
        "the provider takes a list of limits with their paths, and sends the map of them that the API asks for",
        "the inputs of UsagePlan in Pulumi's SDK (throttles: path), and ApiStage in botocore's model",
        "ManagedGateway with two products",
    ),
    Explanation(
        "aws:appautoscaling/policy:Policy",
        "stepScalingPolicyConfiguration.stepAdjustments.*",
        "is no double",
        "the provider takes bounds as texts, so that none is not zero, and sends numbers",
        "the inputs of Policy in Pulumi's SDK (metricIntervalLowerBound: str), and StepAdjustment in botocore's model",
        "ContainerService that sleeps without messages",
    ),
    Explanation(
        "aws:ecs/service:Service",
        "networkConfiguration.assignPublicIp",
        "is no string",
        "the provider takes a flag and sends ENABLED or DISABLED",
        "the inputs of Service in Pulumi's SDK, and AssignPublicIp in botocore's model",
        "ContainerService",
    ),
    Explanation(
        "azure-native:sql:BackupShortTermRetentionPolicy",
        "diffBackupIntervalInHours",
        "is no string",
        "the package types the numbers 12 and 24 as an enumeration of text; the REST API takes and returns numbers",
        "the REST reference of Backup Short Term Retention Policies, examples (diffBackupIntervalInHours: 24)",
        "SqlDatabase",
    ),
    Explanation(
        "azure-native:storage:StorageAccount",
        "networkRuleSet",
        "is no field of StorageAccountCreateParameters",
        "Pulumi's name of the field that requests have as networkAcls",
        "x-ms-client-name of networkAcls in the specification of Microsoft.Storage, and the inputs in Pulumi's SDK",
        "ObjectStore",
    ),
    Explanation(
        "azure-native:monitor:DiagnosticSetting",
        "",
        "is in no table of calls",
        "the current package has no operations for diagnostic settings",
        "azure-mgmt-monitor 7.0.0, release history (6.0.2 was the last with them)",
        "DiagnosticLogs",
    ),
)


def list_unexplained(findings: Iterator[Finding]) -> list[str]:
    """Return the findings without a reason, each once."""
    return sorted({str(it) for it in findings if not any(reason.covers(it) for reason in EXPLANATIONS)})
