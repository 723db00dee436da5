"""Application Auto Scaling: what it scales, and by which policies.

Source of what is `OBSERVED`: answers of AWS in reports of its users; of what is `API`: its reference.
"""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.platform.containers.containers import SERVICE_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, DOC, OBSERVED, Count, Range
from semantest_iac.infrastructure.simulated_cloud.schema.published import refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

SCALABLE_TARGET_TYPE: Final = "aws:appautoscaling/target:Target"
SCALING_POLICY_TYPE: Final = "aws:appautoscaling/policy:Policy"

_MOST_STEPS: Final = 20  # source: Application Auto Scaling's page on its quotas
_TARGET_HANDLE: Final = "{serviceNamespace}/{resourceId}/{scalableDimension}"
_CONFIGURATIONS: Final = {
    "StepScaling": "stepScalingPolicyConfiguration",
    "TargetTrackingScaling": "targetTrackingScalingPolicyConfiguration",
    "PredictiveScaling": "predictiveScalingPolicyConfiguration",
}


def _ends_below_minimum(context: GuardContext) -> bool:
    return int(context.facts["maxCapacity"]) < int(context.facts["minCapacity"])


def _lacks_configuration(context: GuardContext) -> bool:
    kind = str(context.facts["policyType"] or "StepScaling")
    context.facts["policy_kind"] = kind
    return not context.facts[_CONFIGURATIONS.get(kind, "policyType")]


def _policy_arn(facts: RequestFacts) -> str:
    place = f"arn:aws:autoscaling:{facts['region']}:{facts['account']}:scalingPolicy:{facts['uuid']}"
    return f"{place}:resource/{facts['serviceNamespace']}/{facts['resourceId']}:policyName/{facts['name']}"


SCALING_TYPES: Final[dict[str, TypeRule]] = {
    SCALABLE_TARGET_TYPE: AwsType(
        SCALABLE_TARGET_TYPE,
        "{resourceId}",
        arn="arn:aws:application-autoscaling:{region}:{account}:scalable-target/0{hex17}",
    ).rule(
        {
            "minCapacity": refine(Range(0, None, API)),
            "maxCapacity": refine(Range(0, None, API)),
        },
        computed={
            "roleArn": "arn:aws:iam::{account}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_ECSService",
            "suspendedState": lambda _: {
                "dynamicScalingInSuspended": False,
                "dynamicScalingOutSuspended": False,
                "scheduledScalingSuspended": False,
            },
        },
        unique_within=("scalableDimension", "serviceNamespace"),
        unique=(UniqueHandle(_TARGET_HANDLE, Refusal("ValidationException", "The target is registered already.")),),
        create_overwrites=True,  # as the reference of RegisterScalableTarget says
        references=(
            ResourceReference(
                "resourceId",
                (SERVICE_TYPE,),
                Refusal("ValidationException", "ECS service doesn't exist: {value}"),
                OBSERVED,
                pattern=r"^(service/.+)$",
            ),
        ),
        guards=(
            RequestGuard(
                _ends_below_minimum,
                Refusal("ValidationException", "Maximum capacity cannot be less than minimum capacity"),
                API,
            ),
        ),
    ),
    SCALING_POLICY_TYPE: AwsType(SCALING_POLICY_TYPE, "{name}").rule(
        {"stepScalingPolicyConfiguration.stepAdjustments": refine(Count(0, _MOST_STEPS, DOC))},
        computed={"arn": _policy_arn, "policyType": "StepScaling"},
        unique_within=("resourceId", "scalableDimension"),
        unique=(
            UniqueHandle(
                f"{_TARGET_HANDLE}/{{name}}", Refusal("ValidationException", "The policy exists already: {name}")
            ),
        ),
        create_overwrites=True,  # as the reference of PutScalingPolicy says
        references=(
            ResourceReference(
                "resourceId",
                (SCALABLE_TARGET_TYPE,),
                Refusal(
                    "ObjectNotFoundException",
                    "No scalable target registered for service namespace: {serviceNamespace}, resource ID: {value}, "
                    "scalable dimension: {scalableDimension}",
                ),
                OBSERVED,
                handle="{serviceNamespace}/{value}/{scalableDimension}",
                on_delete=OnDelete.CASCADE,
            ),
        ),
        conditions=(Choice(0, 1, tuple(_CONFIGURATIONS.values()), API),),
        guards=(
            RequestGuard(
                _lacks_configuration,
                Refusal("ValidationException", "{policy_kind} policies need their configuration"),
                API,
            ),
        ),
    ),
}
