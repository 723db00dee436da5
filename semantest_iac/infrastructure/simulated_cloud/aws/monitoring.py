"""CloudWatch log groups and alarms."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import (
    REGION_AND_TAGS_OUTPUTS,
    REGION_PROPERTY,
    TAGS_PROPERTY,
    AwsType,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    CFN,
    DOC,
    GENERAL,
    Count,
    Length,
    Multiple,
    OneOf,
    Pattern,
    Range,
    block,
    flag,
    for_each,
    integer,
    map_of,
    number,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import correct, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import Choice, ResourceReference, TypeRule, UniqueHandle

LOG_GROUP_TYPE: Final = "aws:cloudwatch/logGroup:LogGroup"
METRIC_ALARM_TYPE: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"

_RETENTION_DAYS: Final = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_SIZES: Final = ("Bits", "Bytes", "Kilobits", "Kilobytes", "Megabits", "Megabytes")
_LARGER_SIZES: Final = ("Gigabits", "Gigabytes", "Terabits", "Terabytes", "Count")
_UNITS: Final = (
    *(f"{size}{rate}" for size in (*_SIZES, *_LARGER_SIZES) for rate in ("", "/Second")),
    *("Microseconds", "Milliseconds", "Seconds", "Percent", "None"),
)
_COMPARISONS: Final = (
    *("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "GreaterThanUpperThreshold"),
    *("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold"),
    *("LessThanOrEqualToThreshold", "LessThanThreshold"),
)
_PERIOD: Final = (Range(1, None, CFN), Multiple(60, (10, 20, 30), DOC))
_ALARM_ACTIONS: Final = set_of(text(Length(1, 1024, CFN)), Count(0, None, CFN))
_DIMENSIONS: Final = map_of(text(Length(1, 1024, DOC)), Count(0, 30, CFN))
_METRIC_NAME: Final = Length(1, 255, CFN)
_NAMESPACE: Final = (Length(1, 255, CFN), Pattern(r"^[^:]", CFN))
_METRIC_QUERY: Final = block(
    {
        "id": text(Length(1, 255, CFN), Pattern(r"^([a-z])([A-Za-z0-9\_]*)$", CFN), required=True),
        "accountId": text(Length(1, 255, CFN)),
        "expression": text(Length(1, 2048, CFN)),
        "label": text(),
        "metric": block(
            {
                "metricName": text(_METRIC_NAME, required=True),
                "period": integer(*_PERIOD, required=True),
                "stat": text(required=True),
                "dimensions": _DIMENSIONS,
                "namespace": text(*_NAMESPACE),
                "unit": text(OneOf(_UNITS, CFN)),
            }
        ),
        "period": integer(*_PERIOD),
        "returnData": flag(),
    }
)
_SINGLE_METRIC: Final = ("dimensions", "period", "namespace", "statistic", "extendedStatistic", "unit")


def _topic_reference(path: str) -> ResourceReference:
    refusal = Refusal("ResourceNotFound", "The topic {value} of an alarm action does not exist.", 404)
    return ResourceReference(path, ("aws:sns/topic:Topic",), refusal, GENERAL, pattern=r"^(arn:aws:sns:.+)$")


MONITORING_TYPES: Final = {
    LOG_GROUP_TYPE: AwsType(LOG_GROUP_TYPE).rule(
        {
            "logGroupClass": refine(force_new=True),  # the provider has no call to change it
            "name": refine(Pattern(r"^(?!aws/)", API)),
            "retentionInDays": correct(OneOf(_RETENTION_DAYS, DOC), default=0),
            "skipDestroy": refine(default=False),
        },
        computed={"logGroupClass": "STANDARD", "deletionProtectionEnabled": lambda _: False},
        exists=Refusal("ResourceAlreadyExistsException", "The specified log group already exists"),
        retain_input="skipDestroy",
    ),
    METRIC_ALARM_TYPE: TypeRule(
        properties={
            "actionsEnabled": flag(default=True),
            **for_each(_ALARM_ACTIONS, "alarmActions", "okActions", "insufficientDataActions"),
            "alarmDescription": text(Length(0, 1024, CFN)),
            "comparisonOperator": text(OneOf(_COMPARISONS, CFN)),
            "datapointsToAlarm": integer(Range(1, None, CFN)),
            "dimensions": _DIMENSIONS,
            "evaluateLowSampleCountPercentiles": text(Length(1, 255, CFN), computed_default=True),
            "evaluationCriteria": block(
                {
                    "promqlCriteria": block(
                        {
                            "query": text(required=True),
                            "pendingPeriod": integer(),
                            "recoveryPeriod": integer(),
                        },
                        required=True,
                    ),
                }
            ),
            "evaluationInterval": integer(Range(10, 3600, CFN), Multiple(60, (10, 20, 30), DOC)),
            "evaluationPeriods": integer(Range(1, None, CFN)),
            "evaluationWindow": block(
                {"wallClockWindow": block({"timezone": text()}, required=True)},
            ),
            "extendedStatistic": text(),
            "metricName": text(_METRIC_NAME),
            "metricQueries": set_of(_METRIC_QUERY),
            "name": text(Length(0, 255, CFN), force_new=True, computed_default=True),
            "namespace": text(*_NAMESPACE),
            "period": integer(*_PERIOD),
            "statistic": text(OneOf(("Average", "Maximum", "Minimum", "SampleCount", "Sum"), CFN)),
            "threshold": number(),
            "thresholdMetricId": text(Length(1, 255, CFN)),
            "treatMissingData": text(
                OneOf(("breaching", "ignore", "missing", "notBreaching"), CFN),
                Length(1, 255, CFN),
                default="missing",
            ),
            "unit": text(OneOf(_UNITS, CFN)),
            "warmUpConfiguration": block(
                {
                    "warmUpPeriodDurationInMinutes": integer(Range(1, 2880, CFN), required=True),
                    "onlyStartEvaluatingAfterWarmUpPeriodEnds": flag(),
                }
            ),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="{name}",
        name_input="name",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={"arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"},
        handles=("{arn}",),
        unique=(UniqueHandle("{name}", Refusal("AlarmExists", "The alarm {name} already exists.")),),
        references=tuple(map(_topic_reference, ("alarmActions.*", "okActions.*", "insufficientDataActions.*"))),
        conditions=(
            Choice(1, 1, ("metricQueries", "metricName", "evaluationCriteria"), CFN),
            Choice(0, 1, ("threshold", "thresholdMetricId"), CFN),
            Choice(0, 1, ("statistic", "extendedStatistic"), CFN),
            *(Choice(0, 1, ("metricQueries", name), CFN) for name in _SINGLE_METRIC),
        ),
        create_overwrites=True,
    ),
}
