"""Writes the event contract from the classes: schemas, conformance samples and the AsyncAPI document.

`python tools/generate_event_contract.py` writes the files and removes those of events that no longer exist; with
`--check` it writes nothing, names the stale files and exits with 1.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from semantest_iac_events import deployments, infrastructure, triggers
from semantest_iac_events.catalogue import PUBLISHED_EVENTS
from semantest_iac_events.event import Event, StackEvent, StackFailure
from semantest_iac_events.forms.cloudevents import SCHEMA_URN_PREFIX, CloudEvent, schema_name, to_cloudevent
from semantest_iac_events.forms.envelopes import INFRASTRUCTURE_SOURCE
from semantest_iac_events.forms.fields import ENVELOPE_FIELDS
from semantest_iac_events.forms.semantest import FAILED_TYPE, OUTCOME_OF_EVENT_TYPE

EVENTS = Path(__file__).resolve().parent.parent / "events"
COMMAND = "python tools/generate_event_contract.py"
CHANNEL = "infrastructure.events"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
SEMANTEST_FORM = "semantest.v1"
UUID_TEXT = {"type": "string", "format": "uuid"}
MOMENT_TEXT = {"type": "string", "format": "date-time"}

INBOUND: tuple[type[Event], ...] = (
    deployments.DeploymentRequested,
    deployments.DeploymentApproved,
    deployments.DeploymentDisapproved,
    infrastructure.InfrastructureRemovalRequested,
    infrastructure.RollbackRequested,
    infrastructure.ScalingTriggered,
    triggers.ServiceDeploymentNeeded,
)

CHANGES = {"create": 15, "update": 1, "replace": 1, "delete": 0, "same": 2}
ENDPOINT = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
FUNCTION = "semantest-rest-api-dev-3f9a1c"
DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
REPLACED = {
    "urn": "urn:pulumi:rest-api.aws.development.us-east-1::semantest-infrastructure"
    "::aws:lambda/function:Function::rest-api",
    "type": "aws:lambda/function:Function",
    "name": "rest-api",
    "op": "replace",
    "why": ["name"],
    "reversible": "lossy",
}
OF_A_STACK = {
    "component": "rest-api",
    "provider": "aws",
    "environment": "development",
    "region": "us-east-1",
    "deployment_id": "0c1d7a52-6f4e-4b57-9a53-0d6a6c1f2f10",
}
OF_A_FAILURE = {
    "code": "PROVIDER_ERROR",
    "reason": "Cannot create function 'rest-api': the account's memory quota is used up.",
    "hint": "Ask for a higher quota, or set less memory.",
}
SAMPLES: dict[type[Event], dict[str, Any]] = {
    deployments.DeploymentRequested: {
        "configuration": {"components": {"rest-api": {"memory": 512}}},
        "requested_by": "cli:ana",
    },
    deployments.TrafficShifted: {
        "weight": 10,
        "until": "2026-01-05T10:05:00Z",
        "reasons": ["the new version is deployed"],
        "changes": CHANGES,
    },
    deployments.DeploymentPlanned: {
        "changes": CHANGES,
        "resources": [REPLACED],
        "artifact_digest": DIGEST,
    },
    deployments.DeploymentCompleted: {
        "changes": CHANGES,
        "outputs": {"endpoint": ENDPOINT, "function_name": FUNCTION},
        "endpoint": ENDPOINT,
        "health": {"path": "/health", "status": 200, "body": '{"status":"healthy"}'},
        "duration_s": 41.5,
    },
    deployments.DeploymentFailed: {"resource": "rest-api", "changes": CHANGES, "duration_s": 12.25},
    deployments.DeploymentRolledBack: {"restored_deployment": "8a3f3b0e-2f7a-4f0c-8b55-6a1d9e0c7b21"},
    deployments.DeploymentCancelled: {"reason": "cancelled by ana"},
    deployments.DeploymentSuperseded: {"successor": "5b0f9a34-7c1d-4e88-9d2a-1f3c5e7a9b60"},
    deployments.DeploymentRejected: {
        "code": "REQUEST_LOOP",
        "reason": "The request was caused by a deployment of its own stack.",
        "hint": "Break the loop at one of the stacks named.",
        "ancestry": [
            "rest-api.aws.development.us-east-1",
            "websocket.aws.development.us-east-1",
            "rest-api.aws.development.us-east-1",
        ],
        "request_type": deployments.DeploymentRequested.type_name,
    },
    deployments.DeploymentNeedsOperator: {
        "remainder": [REPLACED["urn"]],
        "commands": ["python -m semantest_iac resolve --deployment 0c1d7a52-6f4e-4b57-9a53-0d6a6c1f2f10"],
    },
    deployments.DeploymentResolved: {"resolved_by": "ana", "reason": "deleted the topic by hand"},
    deployments.ApprovalRequested: {
        "changes": CHANGES,
        "reasons": ["rest-api would be replaced"],
        "plan_digest": DIGEST.removeprefix("sha256:"),
        "resources": [REPLACED],
        "expires_at": "2026-01-08T09:00:00Z",
        "approvers": ["ana", "ben"],
        "four_eyes": True,
        "requested_by": "cli:ben",
    },
    deployments.DeploymentApproved: {"approved_by": "ana", "plan_digest": DIGEST.removeprefix("sha256:")},
    deployments.DeploymentDisapproved: {"disapproved_by": "ana", "reason": "not on a Friday"},
    infrastructure.FunctionDeployed: {
        "function_name": FUNCTION,
        "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION}",
        "version": "3",
        "endpoint": ENDPOINT,
        "runtime": "nodejs22.x",
        "memory_mb": 512,
        "artifact_digest": DIGEST,
    },
    infrastructure.HttpApiDeployed: {
        "api_name": FUNCTION,
        "api_id": "a1b2c3d4e5",
        "endpoint": ENDPOINT,
        "routes": ["$default"],
    },
    infrastructure.WebSocketApiDeployed: {
        "api_name": "semantest-websocket-dev-7be012",
        "api_id": "f6g7h8i9j0",
        "endpoint": "wss://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com/ws",
        "routes": ["$connect", "$disconnect", "$default"],
    },
    infrastructure.ContainerServiceDeployed: {
        "service_name": "semantest-platform-dev-51ab90",
        "image": "semantest/coordination:1.0.0",
    },
    infrastructure.InfrastructureUpdated: {"changes": CHANGES, "outputs": {"endpoint": ENDPOINT}},
    infrastructure.InfrastructureUpdateFailed: {"resource": "rest-api"},
    infrastructure.InfrastructureRemovalRequested: {"requested_by": "cli:ana"},
    infrastructure.InfrastructureRemoved: {"changes": {"delete": 19}, "generation": 1},
    infrastructure.InfrastructureRemovalFailed: {"remainder": [REPLACED["urn"]]},
    infrastructure.RollbackRequested: {"target_deployment": "8a3f3b0e-2f7a-4f0c-8b55-6a1d9e0c7b21"},
    infrastructure.ScalingTriggered: {
        "min_instances": 2,
        "max_instances": 10,
        "automatic": True,
        "reason": "cpu above 70 %",
    },
    infrastructure.SecretChanged: {
        "secret": "jwt_secret",
        "action": "rotated",
        "version": "0b8a7f1e-5c55-4b5e-8f0b-7f4d3a2c1e90",
        "address": "arn:aws:secretsmanager:us-east-1:000000000000:secret:semantest-websocket-dev-7be012-jwt-Ab3dEf",
        "changed_by": "ana",
    },
    infrastructure.DriftDetected: {"changes": {"update": 1, "same": 18}, "resources": [REPLACED]},
    infrastructure.EnvironmentConfigured: {
        "environment": "pr-12",
        "provider": "aws",
        "region": "us-east-1",
        "base_environment": "development",
        "settings": {"components": {"websocket": {"environment": {"JWT_SECRET": "${secrets.jwt_secret}"}}}},
        "digest": DIGEST.removeprefix("sha256:"),
    },
    triggers.ServiceDeploymentNeeded: {
        "service_type": "rest-api",
        "environment": "development",
        "service_config": {"memory": 512},
    },
}


class UntitledSchema(GenerateJsonSchema):
    """Omits the title of each field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def sample(event_type: type[Event]) -> Event:
    """A valid event whose id and time are always the same; all samples follow from one request."""
    shared: dict[str, Any] = dict(OF_A_STACK) if issubclass(event_type, StackEvent) else {}
    shared |= OF_A_FAILURE if issubclass(event_type, StackFailure) else {}
    fields = shared | SAMPLES.get(event_type, {})
    request = uuid5(NAMESPACE_URL, SCHEMA_URN_PREFIX + "sample")
    identity = {
        "id": uuid5(NAMESPACE_URL, SCHEMA_URN_PREFIX + schema_name(event_type)),
        "occurred_at": datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC),
        "previous_event_ids": (request,),
        "correlation_id": str(request),
    }
    return event_type.model_validate(identity | fields)


def schema(event_type: type[Event]) -> dict[str, Any]:
    """The schema of the whole CloudEvents form; its part `data` has the id that `dataschema` names."""
    name = schema_name(event_type)
    form = _plain_schema(CloudEvent)
    data = _own_fields_schema(event_type)
    data["properties"]["previous_event_ids"] = {
        "items": {"format": "uuid", "type": "string"},
        "type": "array",
    }
    form["properties"] |= {
        "type": {"const": event_type.type_name},
        "dataschema": {"const": SCHEMA_URN_PREFIX + name},
        "data": {"$id": SCHEMA_URN_PREFIX + name} | data,
    }
    return form | {
        "$schema": DIALECT,
        "$id": f"{SCHEMA_URN_PREFIX}cloudevent:{name}",
        "title": event_type.__name__,
        "description": inspect.getdoc(event_type),
    }


def semantest_schema() -> dict[str, Any]:
    """The schema of REQ-005's form, also with the attributes of Semantest's server; its payload depends on the type."""
    label = {"type": "string", "minLength": 1}
    payloads = {each: _payload_schema(each) for each in PUBLISHED_EVENTS}
    metadata = {
        "source": {"const": INFRASTRUCTURE_SOURCE},
        "version": {"type": "integer", "minimum": 1},
        "correlationId": label,
        "causationId": UUID_TEXT,
        "previousEventIds": {"type": "array", "items": UUID_TEXT, "minItems": 2},
        "timestamp": MOMENT_TEXT,
    }
    attributes = {
        "id": UUID_TEXT,
        "type": {"enum": sorted({_semantest_type(each) for each in PUBLISHED_EVENTS})},
        "timestamp": MOMENT_TEXT,
        "payload": {"type": "object", "properties": {"outcome": {"enum": sorted(OUTCOME_OF_EVENT_TYPE.values())}}},
        "metadata": _closed_object(metadata, ["source", "version", "correlationId"]),
        "eventId": UUID_TEXT,
        "eventType": label,
        "aggregateId": label,
        "correlationId": label,
    }
    return _closed_object(attributes, ["id", "type", "timestamp", "payload", "metadata"]) | {
        "$schema": DIALECT,
        "$id": f"{SCHEMA_URN_PREFIX}semantest:{SEMANTEST_FORM}",
        "title": "SemantestForm",
        "description": "Any of the events in REQ-005's form. A failure with `payload.outcome` is another end of a"
        " deployment.",
        "allOf": [_choose_payload(each) for each in payloads],
        "$defs": {schema_name(each): payload for each, payload in payloads.items()},
    }


def _semantest_type(event_type: type[Event]) -> str:
    return FAILED_TYPE if event_type in OUTCOME_OF_EVENT_TYPE else event_type.type_name


def _payload_schema(event_type: type[Event]) -> dict[str, Any]:
    """The schema of an event's own fields, with the outcome where the type does not say it."""
    payload = {"$id": f"{SCHEMA_URN_PREFIX}payload:{schema_name(event_type)}"} | _own_fields_schema(event_type)
    if outcome := OUTCOME_OF_EVENT_TYPE.get(event_type):
        payload["properties"]["outcome"] = {"const": outcome}
        payload["required"] = [*payload.get("required", ()), "outcome"]
    return payload


def _choose_payload(event_type: type[Event]) -> dict[str, Any]:
    """The rule that this event has its payload."""
    condition: dict[str, Any] = {"properties": {"type": {"const": _semantest_type(event_type)}}}
    if outcome := OUTCOME_OF_EVENT_TYPE.get(event_type):
        condition["properties"]["payload"] = {"required": ["outcome"], "properties": {"outcome": {"const": outcome}}}
    elif event_type.type_name == FAILED_TYPE:
        condition["properties"]["payload"] = {"not": {"required": ["outcome"]}}
    return {"if": condition, "then": {"properties": {"payload": {"$ref": f"#/$defs/{schema_name(event_type)}"}}}}


def _closed_object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document: one channel, one message per event and one for all of them in Semantest's form.

    Requests are received, all events are sent. Servers are of each installation, so that none is named.
    """
    names = {event_type: schema_name(event_type) for event_type in PUBLISHED_EVENTS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Semantest infrastructure events",
            "version": "1.0.0",
            "description": "The events that Semantest's deployment sends and receives, as CloudEvents 1.0 in JSON.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "infrastructure": {
                "address": CHANNEL,
                "messages": {
                    name: {"$ref": f"#/components/messages/{name}"} for name in (*names.values(), SEMANTEST_FORM)
                },
            }
        },
        "operations": {
            "send": _operation(
                "send",
                [
                    *(name for each, name in names.items() if each is not triggers.ServiceDeploymentNeeded),
                    SEMANTEST_FORM,
                ],
            ),
            "receive": _operation("receive", [names[each] for each in INBOUND]),
        },
        "components": {
            "messages": {name: _message(each, name) for each, name in names.items()}
            | {SEMANTEST_FORM: _semantest_message()}
        },
    }


def contract() -> Iterator[tuple[str, str]]:
    """The path of every generated file, within `events/`, and its text."""
    for event_type in PUBLISHED_EVENTS:
        file = f"{schema_name(event_type)}.json"
        yield f"schemas/{file}", _json(schema(event_type))
        yield f"conformance/{file}", _json(to_cloudevent(sample(event_type), sequence=1))
    yield f"schemas/forms/{SEMANTEST_FORM}.json", _json(semantest_schema())
    yield "asyncapi.yaml", yaml.safe_dump(asyncapi(), sort_keys=True, allow_unicode=True, width=110)


def stale(events: Path) -> dict[Path, str | None]:
    """The stale files and the text that they should have; None for files to be removed."""
    wanted = {events / path: text for path, text in contract()}
    found = {path for folder in ("schemas", "conformance") for path in (events / folder).rglob("*.json")}
    outdated = {path: text for path, text in wanted.items() if _text(path) != text}
    return outdated | dict.fromkeys(sorted(found - wanted.keys()))


def main(arguments: Sequence[str] | None = None, events: Path = EVENTS) -> int:
    """Write or check the files; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if files are stale")
    only_check = parser.parse_args(arguments).check
    outdated = stale(events)
    for path, text in outdated.items():
        if not only_check:
            _put(path, text)
        print(f"{'stale' if only_check else 'written'}: {path.relative_to(events.parent)}")
    if only_check and outdated:
        print(f"The event contract is stale. Run `{COMMAND}`.", file=sys.stderr)
    return 1 if only_check and outdated else 0


def _own_fields_schema(event_type: type[Event]) -> dict[str, Any]:
    """The schema of the fields that no form carries itself."""
    data = _plain_schema(event_type)
    data["properties"] = {key: value for key, value in data["properties"].items() if key not in ENVELOPE_FIELDS}
    return data


def _plain_schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(schema_generator=UntitledSchema)


def _operation(action: str, names: list[str]) -> dict[str, Any]:
    channel = "#/channels/infrastructure"
    references = [{"$ref": f"{channel}/messages/{name}"} for name in names]
    return {"action": action, "channel": {"$ref": channel}, "messages": references}


def _message(event_type: type[Event], name: str) -> dict[str, Any]:
    return {
        "name": event_type.type_name,
        "title": event_type.__name__,
        "summary": inspect.getdoc(event_type),
        "contentType": "application/cloudevents+json",
        "payload": {
            "schemaFormat": SCHEMA_FORMAT,
            "schema": {"$ref": f"./schemas/{name}.json"},
        },
    }


def _semantest_message() -> dict[str, Any]:
    return {
        "name": SEMANTEST_FORM,
        "title": "SemantestForm",
        "summary": "Any of the events in REQ-005's form, for Semantest's own components.",
        "contentType": "application/json",
        "payload": {
            "schemaFormat": SCHEMA_FORMAT,
            "schema": {"$ref": f"./schemas/forms/{SEMANTEST_FORM}.json"},
        },
    }


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _put(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
