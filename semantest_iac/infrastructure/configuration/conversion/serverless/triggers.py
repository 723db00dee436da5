"""Translates schedules, queues and topics that call Serverless Framework functions, and the section `resources`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semantest_iac.infrastructure.configuration.conversion.notes import ConversionNotes, to_component_name
from semantest_iac.infrastructure.configuration.conversion.serverless.variables import find_unresolved
from semantest_iac.infrastructure.configuration.conversion.translated_schedules import translate_schedule
from semantest_iac.infrastructure.configuration.layers import KeyPath

_QUEUE, _TOPIC = "AWS::SQS::Queue", "AWS::SNS::Topic"
_RESOURCE_HINTS = {
    "AWS::DynamoDB::Table": "Tables here have the keys PartitionKey and RowKey (docs/stores.md). Keep one with other "
    "keys where it is, and give its name and rights to the functions yourself.",
    "AWS::S3::Bucket": "Add its name to `buckets`; functions find it in SEMANTEST_BUCKET_<NAME>. What is in it "
    "stays where it is.",
    _QUEUE: "Add it to `queues`; functions find it in SEMANTEST_SEND_<NAME>.",
    _TOPIC: "Add it to `topics`; functions find it in SEMANTEST_SEND_<NAME>.",
    "AWS::SQS::QueuePolicy": "A queue here lets in whoever `sends_to` it.",
    "AWS::IAM::Role": "Functions get a role each, with the rights on what they name.",
    "AWS::Cognito::UserPool": "Keep it, and write its address as the issuer of `authorizer`.",
    "AWS::RDS::DBInstance": "A `platform` has databases.",
    "AWS::CloudFront::Distribution": "A `site` has one.",
}
_OTHER_RESOURCE = "Keep it where it is, with the tool that made it."
_EVENT_HINTS = {
    "s3": (
        "objects of a bucket call no function here",
        "Let the bucket send to a queue, which calls the function.",
    ),
    "stream": ("streams of DynamoDB and Kinesis call no function here", "Send a message where the item is written."),
    "alexaSkill": ("Alexa calls no function here", "Add a route, and name its address in the skill."),
    "alexaSmartHome": ("Alexa calls no function here", "Add a route, and name its address in the skill."),
    "iot": ("AWS IoT calls no function here", "Let its rule send to a queue."),
    "alb": ("load balancers call no function here", "Add a route."),
}
_OTHER_EVENT = ("calls no function here", "Functions are called by routes, queues, topics and schedules.")
_TRIGGER_KEYS = {
    "schedule": {"rate", "enabled", "name", "description", "method", "timezone"},
    "sqs": {"arn", "batchSize", "enabled", "maximumConcurrency", "functionResponseType"},
    "sns": {"arn", "topicName", "displayName", "filterPolicy"},
}


class TriggerConverter:
    """Collects the triggers of one service, and the queues and topics that they need."""

    def __init__(self, notes: ConversionNotes, resources: Mapping[str, Any]) -> None:
        self._notes = notes
        self._resources = resources
        self._used: set[str] = set()
        self.queues: dict[str, dict[str, Any]] = {}
        self.topics: dict[str, dict[str, Any]] = {}
        self.triggers: list[tuple[str, dict[str, Any]]] = []

    def add(self, function: str, kind: str, event: Any, path: KeyPath) -> None:
        """Add the trigger of an event, or say why there is none."""
        if isinstance(event, dict) and event.get("enabled") is False:
            self._notes.leave_out(path, "is switched off, and a trigger here cannot be", "Add it when it is needed.")
            return
        readers = {"schedule": self._add_schedule, "sqs": self._add_queue, "sns": self._add_topic}
        if kind == "eventBridge" and isinstance(event, dict) and "schedule" in event and "pattern" not in event:
            event = {key: value for key, value in event.items() if key != "schedule"} | {"rate": event["schedule"]}
            kind = "schedule"
        if kind not in readers:
            reason, hint = _EVENT_HINTS.get(kind, _OTHER_EVENT)
            self._notes.leave_out(path, reason, hint)
            return
        settings = _read_arn_form(event)
        for key in settings.keys() - {*_TRIGGER_KEYS[kind], "arn"}:
            self._notes.leave_out((*path, key), f"a trigger of the kind '{kind}' has no such setting")
        readers[kind](function, event, path)

    def list_unused(self, places: Mapping[str, KeyPath]) -> None:
        """Say of every resource of the file, which is at its place, that it is not taken over."""
        for name, resource in self._resources.items():
            if name in self._used:
                continue
            kind = resource.get("Type") if isinstance(resource, dict) else None
            hint = _RESOURCE_HINTS.get(str(kind), _OTHER_RESOURCE)
            self._notes.leave_out(places[name], f"is a resource of the type {kind}", hint)

    def _add_schedule(self, function: str, event: Any, path: KeyPath) -> None:
        settings = event if isinstance(event, dict) else {"rate": event}
        rates = settings.get("rate")
        for rate in rates if isinstance(rates, list) else [rates]:
            if not isinstance(rate, str):
                self._notes.leave_out(path, "its time is known to the cloud alone", "Write `trigger: {schedule: …}`.")
                continue
            try:
                cron = translate_schedule(rate)
            except ValueError as error:
                self._notes.leave_out(path, f"{rate} {error}", "Write a `schedule` with the five fields of cron.")
                continue
            zone = {"time_zone": settings["timezone"]} if isinstance(settings.get("timezone"), str) else {}
            self.triggers.append((function, {"schedule": cron, **zone}))
            counted = " It begins at full hours, and not at the deployment." if rate.startswith("rate") else ""
            reason = f"is '{cron}', and the event has another form than that of EventBridge.{counted}"
            self._notes.differ(path, reason, "docs/messaging.md#what-handlers-get")

    def _add_queue(self, function: str, event: Any, path: KeyPath) -> None:
        settings = _read_arn_form(event)
        found = self._find_named(settings.get("arn"), _QUEUE, "QueueName")
        if not found:
            self._notes.leave_out(path, "its queue is known to the cloud alone", "Write `trigger: {queue: NAME}`.")
            return
        name, logical = found
        self.queues[name] = self._read_queue(logical)
        trigger: dict[str, Any] = {"queue": name}
        if isinstance(settings.get("batchSize"), int):
            trigger["batch"] = settings["batchSize"]
        if isinstance(settings.get("maximumConcurrency"), int):
            trigger["max_concurrency"] = settings["maximumConcurrency"]
        self.triggers.append((function, trigger))
        self._notes.differ(path, f"gets a new queue '{name}'", "Let senders use it; the old one keeps its messages.")

    def _read_queue(self, logical: str) -> dict[str, Any]:
        resource = self._resources.get(logical)
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        if not isinstance(properties, dict):
            return {}
        queue: dict[str, Any] = {}
        redrive = properties.get("RedrivePolicy")
        tries = redrive.get("maxReceiveCount") if isinstance(redrive, dict) else None
        seconds = properties.get("MessageRetentionPeriod")
        for key, value in (("max_deliveries", tries), ("lock_s", properties.get("VisibilityTimeout"))):
            if isinstance(value, int):
                queue[key] = value
        if isinstance(seconds, int):
            queue["retention_days"] = max(1, round(seconds / 86_400))
        if properties.get("FifoQueue") is True:
            queue["ordered"] = True
        if properties.get("ContentBasedDeduplication") is True:
            queue["rejects_duplicates"] = True
        return queue

    def _add_topic(self, function: str, event: Any, path: KeyPath) -> None:
        settings = _read_arn_form(event)
        named = settings.get("topicName") or settings.get("arn")
        found = self._find_named(named, _TOPIC, "TopicName")
        words = _read_filter(settings.get("filterPolicy"))
        if not found or words is None:
            reason = "its filter has more than words" if found else "its topic is known to the cloud alone"
            self._notes.leave_out(path, reason, "Write `trigger: {topic: NAME, filter: {…}}`.")
            return
        self.topics.setdefault(found[0], {})
        self.triggers.append((function, {"topic": found[0], **({"filter": words} if words else {})}))
        reason = f"gets a new topic '{found[0]}', and messages in the form of SQS: records have `body`, and no `Sns`"
        self._notes.differ(path, reason, "Change the handler: docs/messaging.md#what-handlers-get")

    def _find_named(self, reference: Any, kind: str, name_key: str) -> tuple[str, str] | None:
        """Return the name here and the name in `resources` of what an ARN, a name or a function refers to."""
        if isinstance(reference, str):
            name, logical = reference.rsplit(":", 1)[-1], ""
        else:
            name = logical = _find_logical_name(reference)
            resource = self._resources.get(logical)
            if not isinstance(resource, dict) or resource.get("Type") != kind:
                return None
            properties = resource.get("Properties")
            written = properties.get(name_key) if isinstance(properties, dict) else None
            name = written if isinstance(written, str) else logical
        if logical:
            self._used.add(logical)
        named = to_component_name(name.removesuffix(".fifo"))
        return (named, logical) if named else None


def _read_arn_form(event: Any) -> dict[str, Any]:
    """Return the settings of an event that may be its ARN alone, as text or as a function of CloudFormation."""
    is_reference = not isinstance(event, dict) or "Ref" in event or any(key.startswith("Fn::") for key in event)
    return {"arn": event} if is_reference else event


def _find_logical_name(reference: Any) -> str:
    """Return what `Ref` or `Fn::GetAtt` names; empty for anything else."""
    if not isinstance(reference, dict) or len(reference) != 1 or next(find_unresolved(reference), None):
        return ""
    target = reference.get("Ref") or reference.get("Fn::GetAtt")
    target = target[0] if isinstance(target, list) and target else target
    return target.split(".")[0] if isinstance(target, str) else ""


def _read_filter(policy: Any) -> dict[str, list[str]] | None:
    """Return the filter of a subscription; None where it has more than lists of words."""
    if not policy:
        return {}
    if not isinstance(policy, dict):
        return None
    is_simple = all(isinstance(each, list) and all(isinstance(one, str) for one in each) for each in policy.values())
    return dict(policy) if is_simple else None
