"""Pipelines of data on Step Functions, which calls S3 itself, and the schedules that start them."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.infrastructure.cloud_programs.aws.foundation import (
    allow_actions,
    attach_policy,
    aws_name,
    create_role,
)
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_RETRIES = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 5}]
_AT_ONCE = 20
_POLICY = "pipeline"


def create_data_pipeline(pipeline: DataPipeline, context: ProgramContext) -> Outputs:
    """Create a state machine, its role, and a schedule with the role that may start it."""
    store, name = context.outputs[pipeline.store], aws_name("state machine", context, pipeline.name)
    role = create_role(pipeline.name, pipeline.name, "states.amazonaws.com", context)
    own_arn = role.arn.apply(lambda arn: _name_state_machine(arn, context.stack.region, name))
    statements = [*store["statements"], *_list_own_statements(own_arn)]
    policy = attach_policy(pipeline.name, role.name, statements, context, policy_name=_POLICY)
    created = aws.sfn.StateMachine(
        pipeline.name,
        name=name,
        role_arn=role.arn,
        definition=pulumi.Output.json_dumps(build_definition(pipeline, store["name"]), sort_keys=True),
        tags=context.tags,
        opts=context.options(depends_on=[policy]),
    )
    _create_schedule(pipeline, created, context)
    return {"id": created.arn, "arn": created.arn, "name": created.name}


def build_definition(pipeline: DataPipeline, bucket: pulumi.Input[str]) -> dict[str, Any]:
    """Return the states: look whether there is anything, then move each object in an execution of its own.

    Only such a map has no limit on the number of objects. Source: the guide of Step Functions on the distributed mode
    of maps, and on service integrations with S3.
    """
    prefix = f"{pipeline.source}/"
    copy_source = pulumi.Output.concat("{% '", bucket, "/' & $encodeUrlComponent($states.input.Key) %}")
    copied_key = f"{{% '{pipeline.target}/' & $substringAfter($states.input.Key, '{prefix}') %}}"
    copy = {"Bucket": bucket, "CopySource": copy_source, "Key": copied_key}
    delete = {"Bucket": bucket, "Key": "{% $states.input.Key %}"}
    one = {
        "Copy": {
            **_call_s3("copyObject", copy),
            "Output": "{% $states.input %}",
            "Next": "Delete",
        },
        "Delete": {**_call_s3("deleteObject", delete), "End": True},
    }
    return {
        "Comment": f"Moves objects from {pipeline.source} to {pipeline.target}",
        "QueryLanguage": "JSONata",
        "StartAt": "Look",
        "States": {
            "Look": {
                **_call_s3("listObjectsV2", {"Bucket": bucket, "Prefix": prefix, "MaxKeys": 1}),
                "Output": {"count": "{% $states.result.KeyCount %}"},
                "Next": "Found",
            },
            "Found": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input.count > 0 %}", "Next": "Move"}],
                "Default": "Done",
            },
            "Move": {
                "Type": "Map",
                "MaxConcurrency": _AT_ONCE,
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:listObjectsV2",
                    "Arguments": {"Bucket": bucket, "Prefix": prefix},
                },
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "Copy",
                    "States": one,
                },
                "Output": {},
                "Next": "Done",
            },
            "Done": {"Type": "Succeed"},
        },
    }


def _call_s3(action: str, arguments: dict[str, Any]) -> dict[str, Any]:
    resource = f"arn:aws:states:::aws-sdk:s3:{action}"
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "Retry": _RETRIES}


def _name_state_machine(role_arn: str, region: str, name: str) -> str:
    """Return the ARN of a state machine before it exists, in the account and partition of its role."""
    _, partition, _, _, account, _ = role_arn.split(":", 5)
    return f"arn:{partition}:states:{region}:{account}:stateMachine:{name}"


def _list_own_statements(arn: pulumi.Output[str]) -> list[dict[str, Any]]:
    """Return what a distributed map needs besides: to start executions of its own machine, and to follow them."""
    runs = arn.apply(lambda it: f"{it.replace(':stateMachine:', ':execution:')}/*")
    return [
        allow_actions(["states:StartExecution"], [arn]),
        allow_actions(["states:DescribeExecution", "states:StopExecution"], [runs]),
    ]


def _create_schedule(pipeline: DataPipeline, machine: aws.sfn.StateMachine, context: ProgramContext) -> None:
    name = f"{pipeline.name}-schedule"
    role = create_role(name, name, "scheduler.amazonaws.com", context)
    statement = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine.arn}
    policy = attach_policy(name, role.name, [statement], context, policy_name=_POLICY)
    aws.scheduler.Schedule(
        name,
        name=aws_name("schedule", context, pipeline.name),
        schedule_expression=f"cron(0 {pipeline.hour} * * ? *)",
        schedule_expression_timezone="UTC",
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": machine.arn,
            "role_arn": role.arn,
            "input": "{}",
            "retry_policy": {"maximum_event_age_in_seconds": 3600, "maximum_retry_attempts": 3},
        },
        opts=context.options(depends_on=[policy]),
    )
