"""Resolves what the platform and its layers have in an environment from the sections of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from semantest_iac.domain.environments.environment_settings import EnvironmentSettings, FeatureFlags
from semantest_iac.domain.environments.platform.gateway_resolution import resolve_gateway
from semantest_iac.domain.environments.platform.layer_sections import (
    QueueSection,
    ResourcesSection,
    TopicSection,
    TriggerSection,
)
from semantest_iac.domain.environments.platform.layer_settings import (
    DEFAULT_DATABASES,
    DEFAULT_QUEUES,
    DEFAULT_TOPICS,
    DEFAULT_TRIGGERS,
    ETL_QUEUE,
    SITE_LAYER,
    DatabaseSettings,
    EtlSettings,
    FunctionTrigger,
    MessagingSettings,
    PlatformSettings,
    QueueSettings,
    SubscriptionSettings,
    TopicSettings,
    find_layers,
)
from semantest_iac.domain.environments.platform.service_resolution import resolve_services
from semantest_iac.domain.environments.platform.site_sections import SiteSection
from semantest_iac.domain.environments.platform.site_settings import BUILT_FOLDER, SECURITY_HEADERS, SiteSettings
from semantest_iac.domain.environments.section_types import Section
from semantest_iac.domain.environments.sections import ComponentSection, EnvironmentDefaults, FunctionSection
from semantest_iac.domain.messaging.message_filters import parse_filter

_Settings = TypeVar("_Settings", bound=Any)


def resolve_environment(defaults: EnvironmentSettings, written: EnvironmentDefaults) -> EnvironmentSettings:
    """Return the settings of an environment with what the configuration says in their place."""
    network = _overlay(defaults.network, written.network, exclude={"subnets"})
    monitoring = _overlay(defaults.monitoring, written.monitoring, exclude={"alerts", "daily_quota_gb"})
    if (quota := written.monitoring.daily_quota_gb) is not None:
        monitoring = replace(monitoring, daily_quota_gb=quota or None)
    return replace(
        defaults,
        network=replace(network, subnet_ranges=dict(written.network.subnets)),
        security=_overlay(defaults.security, written.security),
        monitoring=monitoring,
        features=_overlay(defaults.features, written.features),
        tiers=_overlay(defaults.tiers, written.tiers),
    )


def _overlay(settings: _Settings, section: Section | None, *, exclude: set[str] | None = None) -> _Settings:
    """Return the settings with every value that the section has, but for those that are read otherwise."""
    written = section.model_dump(exclude_none=True, exclude=exclude) if section else {}
    overlaid: _Settings = replace(settings, **written)
    return overlaid


_DEFAULT_MESSAGING: Mapping[str, tuple[Mapping[str, QueueSettings], Mapping[str, TopicSettings]]] = {
    "functions": ({}, {}),
    "etl": ({ETL_QUEUE: DEFAULT_QUEUES[ETL_QUEUE]}, {}),
    "services": ({}, {}),
}
"""The queues and topics of components that do not have all those of the plan."""


def resolve_platform(
    component_type: str, section: ComponentSection, environment: EnvironmentSettings
) -> PlatformSettings:
    """Return the layers of a component, and the settings of all: a layer that is off may be asked about them."""
    features, data = environment.features, environment.data
    queues, topics = _DEFAULT_MESSAGING.get(component_type, (DEFAULT_QUEUES, DEFAULT_TOPICS))
    names = section.database.names if section.database else None
    databases = DEFAULT_DATABASES if names is None else names
    database = DatabaseSettings(
        databases=databases if features.enable_sql_database else (),
        tier=environment.tiers.sql_database,
        backup_days=data.backup_days,
        high_availability=data.high_availability,
        redis_cache=features.enable_redis_cache,
        document_database=features.enable_cosmos_db,
    )
    return PlatformSettings(
        layers=find_layers(
            component_type,
            features,
            has_messaging=bool(section.queues or section.topics),
            has_stores=bool(section.tables or section.buckets),
            has_site=component_type == SITE_LAYER or bool(section.site and section.site.source),
        ),
        environment=environment,
        messaging=MessagingSettings(
            queues=_resolve_queues(section.queues, queues),
            topics=_resolve_topics(section.topics, topics),
            tier=environment.tiers.service_bus,
        ),
        database=_overlay(database, section.database, exclude={"names"}),
        etl=_overlay(EtlSettings(data_factory=features.enable_data_factory), section.etl),
        services=resolve_services(
            section.services,
            tier=environment.tiers.container_apps,
            high_availability=data.high_availability,
            dapr=features.enable_dapr,
        ),
        site=_resolve_site(section.site, features),
        gateway=resolve_gateway(section.gateway, _list_deployed_services(section, features), environment),
    )


def _resolve_site(written: SiteSection | None, features: FeatureFlags) -> SiteSettings:
    """Return the settings of a site; what is written of a header, in whatever case, takes the place of the usual."""
    site = _overlay(SiteSettings(caches=features.enable_cdn), written, exclude={"headers"})
    headers = dict(written.headers) if written else {}
    names = {name.lower() for name in headers}
    usual = {name: value for name, value in SECURITY_HEADERS.items() if name.lower() not in names}
    output = site.output or (BUILT_FOLDER if site.build else "")
    return replace(site, headers={**usual, **headers}, output=output)


def _list_deployed_services(section: ComponentSection, features: FeatureFlags) -> tuple[str, ...]:
    return tuple(section.services or ()) if features.enable_container_apps else ()


def resolve_resources(written: ResourcesSection | None, environment: EnvironmentSettings) -> PlatformSettings | None:
    """Return the layers with what an API uses; None without any. They are in no network of the platform."""
    if written is None or not (written.queues or written.topics):
        return None
    section = ComponentSection(queues=written.queues, topics=written.topics)
    public = replace(environment, security=replace(environment.security, private_endpoints=False))
    return resolve_platform("messaging", section, public)


def _resolve_queues(
    written: Mapping[str, QueueSection] | None, default: Mapping[str, QueueSettings]
) -> Mapping[str, QueueSettings]:
    if written is None:
        return default
    return {name: _overlay(DEFAULT_QUEUES.get(name, QueueSettings()), section) for name, section in written.items()}


def _resolve_topics(
    written: Mapping[str, TopicSection] | None, default: Mapping[str, TopicSettings]
) -> Mapping[str, TopicSettings]:
    if written is None:
        return default
    return {
        name: _overlay(TopicSettings(subscriptions=_resolve_subscriptions(section)), section, exclude={"subscriptions"})
        for name, section in written.items()
    }


def _resolve_subscriptions(section: TopicSection) -> dict[str, SubscriptionSettings]:
    return {
        name: _overlay(SubscriptionSettings(filter=parse_filter(written.filter)), written, exclude={"filter"})
        for name, written in section.subscriptions.items()
    }


def find_default_functions(settings: PlatformSettings) -> dict[str, FunctionSection]:
    """Return the functions of a component that names none: those of the plan whose queue or topic it has."""
    messaging = settings.messaging if "messaging" in settings.layers else None
    known = {"", *(messaging.queues if messaging else ()), *(messaging.topics if messaging else ())}
    found = {
        name: TriggerSection.model_validate(written)
        for name, written in DEFAULT_TRIGGERS.items()
        if written.get("queue", written.get("topic", "")) in known
    }
    if "functions" not in settings.layers:  # the data pipeline alone
        found = {name: trigger for name, trigger in found.items() if trigger.queue == ETL_QUEUE}
    return {
        name: FunctionSection(trigger=trigger)
        for name, trigger in found.items()
        if settings.find_function_layer(resolve_trigger(trigger)) in settings.layers
    }


def resolve_trigger(section: TriggerSection | None) -> FunctionTrigger | None:
    """Return what calls a function; None for a function of an API."""
    if section is None:
        return None
    trigger = FunctionTrigger(http=section.http is not None, filter=parse_filter(section.filter))
    return _overlay(trigger, section, exclude={"filter", "http"})
