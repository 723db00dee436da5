"""CDEvents 0.5.1, the vocabulary of continuous delivery, in its CloudEvents binding; written, never read.

Source: https://github.com/cdevents/spec at v0.5.1 (continuous-deployment.md, links.md, cloudevents-binding.md).
It has words for services and environments, and none for requests, plans, approvals and failures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

from semantest_iac_events.event import Event, StackEvent
from semantest_iac_events.forms.cloudevents import CLOUDEVENT_SOURCE
from semantest_iac_events.forms.fields import dump_cause_ids, format_timestamp
from semantest_iac_events.infrastructure import EnvironmentConfigured

CDEVENTS_VERSION = "0.5.1"
CDEVENTS_TYPE_VERSION = "0.3.0"
"""The version that each type of the vocabulary has by itself; the same for those that are used here."""
_JSON = "application/json"

ServicePredicate = Literal["deployed", "upgraded", "rolledback", "removed"]


@dataclass(frozen=True, slots=True)
class ServiceOutcome:
    """What became of a service by the event that ended a deployment.

    `artifact_digest` is the SHA-256 of the package that runs now, in hexadecimal; only a removed service has none.
    `trigger_ids` are the ids of the events that led to the request; without any, the chain of events began here.
    """

    predicate: ServicePredicate
    artifact_digest: str = ""
    trigger_ids: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


def to_service_cdevent(event: StackEvent, outcome: ServiceOutcome) -> dict[str, Any]:
    """Return the CloudEvent with the CDEvent about the service of a stack."""
    content: dict[str, Any] = {"environment": {"id": event.environment, "source": CLOUDEVENT_SOURCE}}
    if outcome.predicate != "removed":
        content["artifactId"] = format_artifact_purl(event.project, event.component, outcome.artifact_digest)
    place = {"project": event.project, "component": event.component, "provider": event.provider, "region": event.region}
    return _bind(
        event,
        f"service.{outcome.predicate}",
        {"id": event.stack, "source": CLOUDEVENT_SOURCE, "content": content},
        _list_links(dump_cause_ids(event), outcome.trigger_ids),
        {**place, "deploymentId": event.deployment_id, **outcome.details},
    )


def to_environment_cdevent(event: EnvironmentConfigured) -> dict[str, Any]:
    """Return the CloudEvent with the CDEvent about an environment whose settings have changed."""
    content = {"name": event.environment}
    return _bind(
        event,
        "environment.modified",
        {"id": event.environment, "source": CLOUDEVENT_SOURCE, "content": content},
        _list_links(dump_cause_ids(event), ()),
        {"project": event.project, "provider": event.provider, "region": event.region, "digest": event.digest},
    )


def format_artifact_purl(project: str, component: str, digest: str) -> str:
    """Return the package URL of a package that is known by its SHA-256 alone."""
    return (
        f"pkg:generic/{quote(project, safe='')}/{quote(component, safe='')}@sha256%3A{digest.removeprefix('sha256:')}"
    )


def format_chain_id(correlation_id: str) -> str:
    """Return the correlation id if it is a UUID, else the one that always stands for it."""
    try:
        return str(UUID(correlation_id))
    except ValueError:
        return str(UUID(bytes=hashlib.sha256(correlation_id.encode()).digest()[:16], version=4))


def _list_links(causes: Iterable[str], triggers: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return how the event follows from others; a chain that began here ends here."""
    kind = "PATH" if triggers else "END"
    followed = [{"linkType": kind, "from": {"contextId": cause}} for cause in causes]
    related = [{"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": it}} for it in triggers]
    return [*followed, *related]


def _bind(
    event: Event, name: str, subject: dict[str, Any], links: list[dict[str, Any]], custom: dict[str, Any]
) -> dict[str, Any]:
    """Return the CDEvent as the data of a CloudEvent, whose attributes repeat its context."""
    type_name = f"dev.cdevents.{name}.{CDEVENTS_TYPE_VERSION}"
    context = {
        "specversion": CDEVENTS_VERSION,
        "id": str(event.id),
        "source": CLOUDEVENT_SOURCE,
        "type": type_name,
        "timestamp": format_timestamp(event),
        "chainId": format_chain_id(event.correlation_id),
        **({"links": links} if links else {}),
    }
    data = {"context": context, "subject": subject, "customData": custom, "customDataContentType": _JSON}
    return {
        "specversion": "1.0",
        "id": context["id"],
        "source": CLOUDEVENT_SOURCE,
        "type": type_name,
        "subject": subject["id"],
        "time": context["timestamp"],
        "datacontenttype": _JSON,
        "data": data,
    }
