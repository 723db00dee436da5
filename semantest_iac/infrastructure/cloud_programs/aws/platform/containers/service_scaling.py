"""How many tasks a service has: Application Auto Scaling follows its requests, its load, and its queues."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.compute.containers import ContainerService
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.context import ProgramContext
from semantest_iac.infrastructure.clouds.plan.aws_container_sizes import choose_minimum, starts_from_nothing

_OUT_S, _IN_S = 60, 300  # after a scaling, how long the next one waits
_PERIOD_S = 60
_MOST_STEPS = 20  # of a policy; source: Application Auto Scaling's page on its quotas
_EMPTY_PERIODS = 5  # in a row, after which nobody is needed
_COUNT_RUNNING = "running"


def scale_service(
    service: ContainerService, created: aws.ecs.Service, group: aws.lb.TargetGroup | None, context: ProgramContext
) -> None:
    """Create the bounds and the policies. With several, the one that wants most tasks decides."""
    scaling, cluster = service.scaling, context.outputs[service.runs_in]["name"]
    target = aws.appautoscaling.Target(
        service.name,
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id=pulumi.Output.format("service/{0}/{1}", cluster, created.name),
        min_capacity=choose_minimum(scaling),
        max_capacity=scaling.maximum,
        tags=context.tags,
        opts=context.options(),
    )
    if starts_from_nothing(scaling):
        _follow_queues_from_zero(service, target, context)
        return
    tasks = _metric(
        _COUNT_RUNNING,
        "ECS/ContainerInsights",
        "RunningTaskCount",
        "Average",
        {"ClusterName": cluster, "ServiceName": created.name},
    )
    for name, wanted, specification in (
        ("cpu", scaling.cpu_percent, _predefined("ECSServiceAverageCPUUtilization")),
        ("memory", scaling.memory_percent, _predefined("ECSServiceAverageMemoryUtilization")),
        ("requests", scaling.concurrent_requests, _count_requests(service, group, context)),
        *(
            (f"queue-{number}", messages, _count_messages_for_each(ref, tasks, context))
            for number, (ref, messages) in enumerate(scaling.queues.items())
        ),
    ):
        if wanted and specification:
            _create_policy(f"{service.name}-{name}", target, context, wanted, specification)


def _create_policy(
    name: str, target: aws.appautoscaling.Target, context: ProgramContext, wanted: int, specification: Mapping[str, Any]
) -> None:
    aws.appautoscaling.Policy(
        name,
        name=aws_name("policy", context, name),
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration={
            "target_value": wanted,
            "scale_out_cooldown": _OUT_S,
            "scale_in_cooldown": _IN_S,
            **specification,
        },
        opts=context.options(),
    )


def _predefined(metric: str) -> dict[str, Any]:
    return {"predefined_metric_specification": {"predefined_metric_type": metric}}


def _metric(
    query: str, namespace: str, name: str, stat: str, dimensions: Mapping[str, pulumi.Input[str]]
) -> dict[str, Any]:
    """Return the query of a metric, in the form of a scaling policy."""
    metric = {
        "namespace": namespace,
        "metric_name": name,
        "dimensions": [{"name": key, "value": value} for key, value in dimensions.items()],
    }
    return {"id": query, "metric_stat": {"stat": stat, "metric": metric}, "return_data": False}


def _customized(expression: str, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    wanted = {"id": "wanted", "expression": expression, "return_data": True}
    return {"customized_metric_specification": {"metrics": [*metrics, wanted]}}


def _count_requests(
    service: ContainerService, group: aws.lb.TargetGroup | None, context: ProgramContext
) -> dict[str, Any] | None:
    """Return how many requests each task has at once: those that come in a second, times the seconds that each takes.

    Little's law; the balancer counts both. A minute without requests counts as none at once.
    """
    if group is None or service.balancer is None:
        return None
    dimensions = {"LoadBalancer": context.outputs[service.balancer]["suffix"], "TargetGroup": group.arn_suffix}
    metrics = [
        _metric("requests", "AWS/ApplicationELB", "RequestCountPerTarget", "Sum", dimensions),
        _metric("seconds", "AWS/ApplicationELB", "TargetResponseTime", "Average", dimensions),
    ]
    return _customized(f"FILL(requests, 0) * FILL(seconds, 0) / {_PERIOD_S}", metrics)


def _count_messages_for_each(queue: str, tasks: dict[str, Any], context: ProgramContext) -> dict[str, Any]:
    """Return how many messages of a queue there are for each task, those that somebody handles among them.

    Source: the guide of Application Auto Scaling, target tracking with metric math (backlog per task).
    """
    metrics = [*_count_messages(context.outputs[queue]["name"]), tasks]
    return _customized(f"(waiting0 + handled0) / IF({_COUNT_RUNNING} < 1, 1, {_COUNT_RUNNING})", metrics)


_QUEUE_METRICS = {"waiting": "ApproximateNumberOfMessagesVisible", "handled": "ApproximateNumberOfMessagesNotVisible"}


def _count_messages(queue: pulumi.Input[str]) -> list[dict[str, Any]]:
    return [_metric(f"{it}0", "AWS/SQS", name, "Average", {"QueueName": queue}) for it, name in _QUEUE_METRICS.items()]


def _follow_queues_from_zero(
    service: ContainerService, target: aws.appautoscaling.Target, context: ProgramContext
) -> None:
    """Create as many tasks as the messages need, and none without messages.

    Steps to an exact number: a policy that follows a target multiplies the number of tasks, which leaves none at none.
    """
    needed = " + ".join(
        f"(FILL(waiting{number}, 0) + FILL(handled{number}, 0)) / {messages}"
        for number, messages in enumerate(service.scaling.queues.values())
    )
    queues = [context.outputs[ref]["name"] for ref in service.scaling.queues]
    for name, comparison, periods, steps in (
        ("needed", "GreaterThanOrEqualToThreshold", 1, build_scaling_steps(service.scaling.maximum)),
        ("idle", "LessThanThreshold", _EMPTY_PERIODS, [{"metric_interval_upper_bound": "0", "scaling_adjustment": 0}]),
    ):
        policy = aws.appautoscaling.Policy(
            f"{service.name}-{name}",
            name=aws_name("policy", context, f"{service.name}-{name}"),
            policy_type="StepScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            step_scaling_policy_configuration={
                "adjustment_type": "ExactCapacity",
                "cooldown": _OUT_S,
                "metric_aggregation_type": "Maximum",
                "step_adjustments": steps,
            },
            opts=context.options(),
        )
        aws.cloudwatch.MetricAlarm(
            f"{service.name}-{name}",
            name=aws_name("alarm", context, f"{service.name}-{name}"),
            comparison_operator=comparison,
            threshold=1,
            evaluation_periods=periods,
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn],
            metric_queries=[
                {"id": "needed", "expression": f"CEIL({needed})", "label": "tasks", "return_data": True},
                *(it for number, queue in enumerate(queues) for it in _alarm_queries(number, queue)),
            ],
            tags=context.tags,
            opts=context.options(),
        )


def _alarm_queries(number: int, queue: pulumi.Input[str]) -> list[dict[str, Any]]:
    """Return the queries of a queue's messages, in the form of an alarm."""
    shared = {"namespace": "AWS/SQS", "dimensions": {"QueueName": queue}, "period": _PERIOD_S, "stat": "Maximum"}
    return [{"id": f"{it}{number}", "metric": {**shared, "metric_name": name}} for it, name in _QUEUE_METRICS.items()]


def build_scaling_steps(maximum: int) -> list[dict[str, Any]]:
    """Return the steps from one needed task to the most: exact up to 20, and coarser, upwards, beyond."""
    count = min(maximum, _MOST_STEPS)
    sizes = [ceil(number * maximum / count) for number in range(1, count + 1)]
    lower = [0, *sizes[:-1]]  # above the threshold of the alarm, which is one
    return [
        {
            "metric_interval_lower_bound": str(low),
            **({"metric_interval_upper_bound": str(size)} if size != maximum else {}),
            "scaling_adjustment": size,
        }
        for low, size in zip(lower, sizes, strict=True)
    ]
