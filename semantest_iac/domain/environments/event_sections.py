"""The sections of the configuration file about events: where they come from, what they lead to, who is told.

Their models check shape only; `find_event_faults` checks whether the values fit together.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import Field

from semantest_iac.domain.compute.scaling import ScalingDirection
from semantest_iac.domain.environments.names import (
    ENVIRONMENTS,
    canonical_environment,
    make_printable,
    suggest_known,
)
from semantest_iac.domain.environments.section_types import ListOf, Section
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.messaging.request_limits import LIMIT_HINT, is_request_limit

SourceType = Literal["nats", "rabbitmq", "redis-stream", "redis-channel", "kafka", "websocket", "webhook", "files"]
TargetType = Literal["nats", "rabbitmq", "redis-stream", "redis-channel", "kafka", "websocket", "webhook", "files"]
SignatureScheme = Literal["standard-webhooks", "github"]
EventForm = Literal["semantest", "cloudevents", "cdevents", "slack", "teams"]
SubscriptionAction = Literal["deploy", "destroy", "scale", "rollback", "drift-check"]
CHAT_FORMS: tuple[EventForm, ...] = ("slack", "teams")
EVENT_KEYS = ("event_sources", "event_targets", "subscriptions")
"""The keys of the file that are about events, and are no part of what is deployed."""

COMPARISONS = ("above", "at_least", "below", "at_most")
"""How a number of a payload is compared in `match`."""

PAYLOAD_PREFIX = "$.payload."
"""How a component or an environment begins that is taken from the event."""

TRANSPORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
"""A source, a target or a subscription: positions and dead letters are kept, and shown, by these names."""

CREDENTIAL_KEYS = ("url", "username", "password", "token", "secret")
"""The keys of a source or a target whose value may be `${secrets.name}`."""


class _TransportSection(Section):
    """What sources and targets have in common."""

    url: str | None = Field(
        default=None,
        repr=False,
        description="Address such as nats://127.0.0.1:4222; ${secrets.name} as a whole for a secret one.",
    )
    username: str | None = Field(default=None, repr=False, description="User name; ${secrets.name} for a secret.")
    password: str | None = Field(default=None, repr=False, description="${secrets.name} of the password.")
    token: str | None = Field(default=None, repr=False, description="${secrets.name} of a server's token.")
    secret: str | None = Field(default=None, repr=False, description="${secrets.name} of the key that signs webhooks.")
    stream: str | None = Field(default=None, description="Stream of NATS JetStream or of Redis.")
    subject: str | None = Field(default=None, description="Subject of NATS.")
    queue: str | None = Field(default=None, description="Queue of RabbitMQ.")
    exchange: str | None = Field(default=None, description="Exchange of RabbitMQ.")
    routing_key: str | None = Field(default=None, description="Routing key of RabbitMQ.")
    topic: str | None = Field(default=None, description="Topic of Kafka.")
    channel: str | None = Field(default=None, description="Channel of Redis; a source may have a pattern: events:*.")
    folder: str | None = Field(default=None, description="Folder of files with one event per line.")


class EventSourceSection(_TransportSection):
    """Where events are received from."""

    type: SourceType = Field(description="What delivers them.")
    group: str | None = Field(
        default=None, description="Name under which workers share the messages; semantest-iac by default."
    )
    events: ListOf[str] | None = Field(
        default=None, description="Types to subscribe to; those that lead to something here by default."
    )
    listen: str | None = Field(default=None, description="HOST:PORT on which webhooks are received.")
    path: str | None = Field(default=None, description="Path of webhooks; /events by default.")
    signature: SignatureScheme | None = Field(
        default=None, description="How webhooks are signed; standard-webhooks by default."
    )
    pattern: str | None = Field(default=None, description="Names of the files; *.jsonl by default.")
    environments: ListOf[str] | None = Field(
        default=None, description="The only environments that its events may change; all by default."
    )
    components: ListOf[str] | None = Field(
        default=None, description="The only components that its events may change; all by default."
    )
    removals: bool = Field(
        default=False, description="Whether its events may request to destroy stacks; a subscription may anyway."
    )


class EventTargetSection(_TransportSection):
    """Where the events of deployments are published."""

    type: TargetType = Field(description="What takes them.")
    form: EventForm | None = Field(
        default=None, description="Form of the messages; cloudevents by default, semantest for its WebSocket server."
    )
    events: ListOf[str] | None = Field(
        default=None, description="Types such as infrastructure.deployment.*; all by default."
    )
    components: ListOf[str] | None = Field(default=None, description="Only events of these components.")
    environments: ListOf[str] | None = Field(default=None, description="Only events of these environments.")
    providers: ListOf[str] | None = Field(default=None, description="Only events of these clouds.")
    from_start: bool = Field(
        default=False, description="Publish what was recorded before the target was added; only new events by default."
    )


class SubscriptionSection(Section):
    """What an event of another system leads to."""

    event: str = Field(description="Type of the event, such as ServerConfigurationChanged.")
    match: dict[str, Any] = Field(
        default={},
        description="Values of the payload by dotted path: one, a list, or {above, at_least, below, at_most}.",
    )
    sources: ListOf[str] | None = Field(default=None, description="Only from these sources; from all by default.")
    action: SubscriptionAction = Field(description="What is requested.")
    component: str | None = Field(default=None, description="Component, or a dotted path such as $.payload.service.")
    environment: str | None = Field(default=None, description="Environment, or a dotted path; development by default.")
    limit: str | None = Field(default=None, description="Most requests for a stack, such as 4/3600 (requests/seconds).")
    min_instances: int | None = Field(default=None, description="For scale: instances kept warm.")
    max_instances: int | None = Field(default=None, description="For scale: most instances at once.")
    min_step: int | None = Field(default=None, description="For scale: by how much the warm instances change.")
    max_step: int | None = Field(default=None, description="For scale: by how much the most instances change.")
    direction: str | None = Field(
        default=None, description="Of steps: out, in, or a dotted path; by default the state of the event's alarm."
    )


@dataclass(frozen=True, slots=True)
class _TransportKeys:
    """Which keys a type of source or target must and may have besides those of every one."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_LOGIN = ("username", "password")
_SOURCE_KEYS: Mapping[str, _TransportKeys] = {
    "nats": _TransportKeys(("url", "stream"), ("subject", "group", "token", *_LOGIN)),
    "rabbitmq": _TransportKeys(("url", "queue"), ("exchange", "routing_key", *_LOGIN)),
    "redis-stream": _TransportKeys(("url", "stream"), ("group", *_LOGIN)),
    "redis-channel": _TransportKeys(("url", "channel"), _LOGIN),
    "kafka": _TransportKeys(("url", "topic"), ("group", *_LOGIN)),
    "websocket": _TransportKeys(("url",), ("events", "token")),
    "webhook": _TransportKeys(("listen", "secret"), ("path", "signature")),
    "files": _TransportKeys(("folder",), ("pattern",)),
}
_TARGET_KEYS: Mapping[str, _TransportKeys] = {
    "nats": _TransportKeys(("url",), ("subject", "stream", "token", *_LOGIN)),
    "rabbitmq": _TransportKeys(("url",), ("exchange", "routing_key", "queue", *_LOGIN)),
    "redis-stream": _TransportKeys(("url",), ("stream", *_LOGIN)),
    "redis-channel": _TransportKeys(("url",), ("channel", *_LOGIN)),
    "kafka": _TransportKeys(("url",), ("topic", *_LOGIN)),
    "websocket": _TransportKeys(("url",), ("token",)),
    "webhook": _TransportKeys(("url",), ("secret",)),
    "files": _TransportKeys(("folder",)),
}
_COMMON_KEYS = ("type", "environments", "components")
_SOURCE_COMMON_KEYS = (*_COMMON_KEYS, "removals")
_TARGET_COMMON_KEYS = (*_COMMON_KEYS, "form", "events", "providers", "from_start")


def find_event_faults(
    sources: Mapping[str, EventSourceSection],
    targets: Mapping[str, EventTargetSection],
    subscriptions: Mapping[str, SubscriptionSection],
    own_environments: Collection[str] = (),
) -> Iterator[Fault]:
    """Yield what is wrong with sources, targets and subscriptions, besides their shape.

    `own_environments` are those that the configuration defines beside the built-in ones.
    """
    known = (*ENVIRONMENTS, *own_environments)
    for section, names in zip(EVENT_KEYS, (sources, targets, subscriptions), strict=True):
        yield from _find_name_faults(section, names)
    for name, source in sources.items():
        for environment in source.environments or ():
            yield from _find_environment_faults(f"event_sources.{name}.environments", environment, known)
        yield from _find_key_faults(f"event_sources.{name}", source, _SOURCE_KEYS[source.type], _SOURCE_COMMON_KEYS)
    for name, target in targets.items():
        keys = _TARGET_KEYS[target.type]
        yield from _find_key_faults(f"event_targets.{name}", target, keys, _TARGET_COMMON_KEYS)
        yield from _find_target_faults(f"event_targets.{name}", target)
    for name, subscription in subscriptions.items():
        yield from _find_subscription_faults(f"subscriptions.{name}", subscription, sources)
        written = subscription.environment
        if written is not None and not written.startswith(PAYLOAD_PREFIX):
            yield from _find_environment_faults(f"subscriptions.{name}.environment", written, known)


def _find_name_faults(section: str, names: Iterable[str]) -> Iterator[Fault]:
    for name in names:
        if not TRANSPORT_NAME.fullmatch(name):
            hint = "Use letters, digits, '.', '_' and '-', at most 60."
            yield Fault(f"{section}.{make_printable(name)}", "cannot be a name", hint)


def _find_environment_faults(at: str, environment: str, known: Collection[str]) -> Iterator[Fault]:
    if canonical_environment(environment) not in known:
        shown = make_printable(environment)
        yield Fault(at, f"unknown environment '{shown}'", suggest_known(environment, list(known)))


def _find_key_faults(at: str, section: Any, keys: _TransportKeys, common: tuple[str, ...]) -> Iterator[Fault]:
    written = section.model_dump(exclude_none=True, exclude_unset=True)
    known = (*common, *keys.required, *keys.optional)
    for key in keys.required:
        if key not in written:
            yield Fault(f"{at}.{key}", f"missing, {section.type} needs it")
    for key in written:
        if key not in known:
            usable = ", ".join((*keys.required, *keys.optional))
            yield Fault(f"{at}.{key}", f"{section.type} has no such setting", f"It has {usable}.")


def _find_target_faults(at: str, target: EventTargetSection) -> Iterator[Fault]:
    if target.form in CHAT_FORMS and target.type != "webhook":
        yield Fault(f"{at}.form", f"{target.type} takes no messages of {target.form}", "Use it with type: webhook.")
    if target.type == "websocket" and target.form not in (None, "semantest"):
        yield Fault(f"{at}.form", "Semantest's server takes the form semantest alone", "Leave it out.")
    if target.events is not None:
        from semantest_iac_events.catalogue import EVENT_TYPES  # loads every event

        for pattern in target.events:
            if not any(map(compile_type_patterns([pattern]).fullmatch, EVENT_TYPES)):
                hint = suggest_known(pattern, EVENT_TYPES)
                yield Fault(f"{at}.events", f"'{make_printable(pattern)}' is no type of an event", hint)


def compile_type_patterns(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return what matches a type that fits one of the patterns, such as `infrastructure.deployment.*`."""
    return re.compile("|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns) or r"(?!)")


def _find_subscription_faults(
    at: str, subscription: SubscriptionSection, sources: Mapping[str, EventSourceSection]
) -> Iterator[Fault]:
    for name in subscription.sources or ():
        if name not in sources:
            known = ", ".join(sources) or "none is defined"
            yield Fault(f"{at}.sources", f"'{make_printable(name)}' is not a source", f"Sources: {known}.")
    if subscription.component is None:
        yield Fault(f"{at}.component", "missing", f"Name one, or where the event says it: {PAYLOAD_PREFIX}service.")
    if subscription.limit is not None and not is_request_limit(subscription.limit):
        yield Fault(f"{at}.limit", f"'{make_printable(subscription.limit)}' is not a limit", LIMIT_HINT)
    yield from _find_match_faults(f"{at}.match", subscription.match)
    yield from _find_scaling_faults(at, subscription)


def _find_match_faults(at: str, match: Mapping[str, Any]) -> Iterator[Fault]:
    for path, wanted in match.items():
        for one in wanted if isinstance(wanted, list | tuple) else [wanted]:
            if isinstance(one, Mapping) and isinstance(wanted, Mapping):
                for name, limit in one.items():
                    if name not in COMPARISONS:
                        yield Fault(f"{at}.{path}.{name}", "is no comparison", f"Known: {', '.join(COMPARISONS)}.")
                    elif not isinstance(limit, int | float) or isinstance(limit, bool):
                        yield Fault(f"{at}.{path}.{name}", "must be a number")
            elif one is not None and not isinstance(one, str | int | float | bool):
                yield Fault(f"{at}.{path}", "must be a value, a list of values, or a comparison")


_SCALING_KEYS = ("min_instances", "max_instances", "min_step", "max_step", "direction")


def _find_scaling_faults(at: str, subscription: SubscriptionSection) -> Iterator[Fault]:
    given = {key: value for key in _SCALING_KEYS if (value := getattr(subscription, key)) is not None}
    if subscription.action != "scale":
        for key in given:
            yield Fault(f"{at}.{key}", f"{subscription.action} has no such setting", "It is for scale.")
        return
    if not given.keys() - {"direction"}:
        yield Fault(
            f"{at}.min_instances", "missing, scale needs a number or a step", "Or max_instances, min_step, max_step."
        )
    for end in ("min", "max"):
        yield from _find_number_faults(at, end, given.get(f"{end}_instances"), given.get(f"{end}_step"))
    low, high = subscription.min_instances, subscription.max_instances
    if low is not None and high is not None and low > high:
        yield Fault(f"{at}.min_instances", f"{low} is more than max_instances, {high}")
    yield from _find_direction_faults(f"{at}.direction", subscription)


def _find_number_faults(at: str, end: str, number: int | None, step: int | None) -> Iterator[Fault]:
    if number is not None and number < 0:
        yield Fault(f"{at}.{end}_instances", "must not be negative")
    if step is not None and step < 1:
        yield Fault(f"{at}.{end}_step", "must be 1 or more", "The direction says whether it is added.")
    if number is not None and step is not None:
        yield Fault(f"{at}.{end}_step", f"{end}_instances is given too", "Keep one of them.")


def _find_direction_faults(at: str, subscription: SubscriptionSection) -> Iterator[Fault]:
    written = subscription.direction
    if written is None:
        return
    if subscription.min_step is None and subscription.max_step is None:
        yield Fault(at, "no step is given", "Leave it out: numbers have no direction.")
    elif written not in get_args(ScalingDirection) and not written.startswith(PAYLOAD_PREFIX):
        hint = f"Write out, in, or where the event says it: {PAYLOAD_PREFIX}state."
        yield Fault(at, f"'{make_printable(written)}' is no direction", hint)
