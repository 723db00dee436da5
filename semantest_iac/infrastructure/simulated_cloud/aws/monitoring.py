"""CloudWatch log groups and alarms."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    CFN,
    DOC,
    GENERAL,
    Length,
    Multiple,
    OneOf,
    Pattern,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    REPLACES,
    UNORDERED,
    correct,
    refine,
    refine_elements,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import Choice, ResourceReference, TypeRule

LOG_GROUP_TYPE: Final = "aws:cloudwatch/logGroup:LogGroup"
METRIC_ALARM_TYPE: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"

_RETENTION_DAYS: Final = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_PERIODS: Final = ("evaluationInterval", "metricQueries.metric.period", "metricQueries.period", "period")
_ACTIONS: Final = ("alarmActions", "okActions", "insufficientDataActions")
_SINGLE_METRIC: Final = ("dimensions", "period", "namespace", "statistic", "extendedStatistic", "unit")


def _topic_reference(path: str) -> ResourceReference:
    refusal = Refusal("ResourceNotFound", "The topic {value} of an alarm action does not exist.", 404)
    return ResourceReference(path, ("aws:sns/topic:Topic",), refusal, GENERAL, pattern=r"^(arn:aws:sns:.+)$")


MONITORING_TYPES: Final[dict[str, TypeRule]] = {
    LOG_GROUP_TYPE: AwsType(LOG_GROUP_TYPE).rule(
        {
            "logGroupClass": REPLACES,  # the provider has no call to change it
            "name": refine(Pattern(r"^(?!aws/)", API)),
            "retentionInDays": correct(OneOf(_RETENTION_DAYS, DOC), default=0),
            "skipDestroy": refine(default=False),
        },
        computed={"logGroupClass": "STANDARD", "deletionProtectionEnabled": lambda _: False},
        exists=Refusal("ResourceAlreadyExistsException", "The specified log group already exists"),
        retain_input="skipDestroy",
    ),
    METRIC_ALARM_TYPE: AwsType(METRIC_ALARM_TYPE).rule(
        {
            **dict.fromkeys((*_ACTIONS, "metricQueries"), UNORDERED),
            **dict.fromkeys(_PERIODS, refine(Multiple(60, (10, 20, 30), DOC))),
            **dict.fromkeys(("dimensions", "metricQueries.metric.dimensions"), refine_elements(Length(1, 1024, DOC))),
        },
        exists=Refusal("AlarmExists", "The alarm {name} already exists."),
        references=tuple(_topic_reference(f"{name}.*") for name in _ACTIONS),
        conditions=(
            Choice(1, 1, ("metricQueries", "metricName", "evaluationCriteria"), CFN),
            Choice(0, 1, ("threshold", "thresholdMetricId"), CFN),
            Choice(0, 1, ("statistic", "extendedStatistic"), CFN),
            *(Choice(0, 1, ("metricQueries", name), CFN) for name in _SINGLE_METRIC),
        ),
        create_overwrites=True,
    ),
}
