"""What Azure deploys otherwise than the plan of the platform says."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.domain.messaging.queues import MessageBroker
from semantest_iac.infrastructure.clouds.plan.departures import Departure

LONGEST_BASIC_BACKUP_DAYS = 7


def choose_broker_tier(broker: MessageBroker) -> Tier:
    """Return the lowest tier of Service Bus that has what is asked for.

    Basic has neither topics, sessions nor duplicate detection, and only Premium has private endpoints. Source: Azure's
    page on the tiers of Service Bus.
    """
    if broker.private:
        return "premium"
    needs_standard = broker.tier == "basic" and (broker.has_topics or broker.has_order)
    return "standard" if needs_standard else broker.tier


def find_azure_departures(platform: PlatformSettings) -> Iterator[Departure]:
    """Yield what these settings become on Azure."""
    yield from _find_messaging_departures(platform)
    yield from _find_function_departures(platform)
    yield from _find_gateway_departures(platform)


def _find_messaging_departures(platform: PlatformSettings) -> Iterator[Departure]:
    planned, topics = platform.messaging.tier, platform.messaging.topics
    is_private = platform.environment.security.private_endpoints and "network" in platform.layers
    broker = MessageBroker(name="broker", tier=planned, private=is_private, has_topics=bool(topics))
    tier = choose_broker_tier(broker)
    if tier == planned:
        return
    reason = "only Premium has private endpoints" if is_private else f"Basic has no topics, and there are {len(topics)}"
    yield Departure(
        "messaging",
        "tiers.service_bus",
        f"Service Bus {planned.title()}",
        tier.title(),
        reason,
        "Azure's page on the tiers of Service Bus",
    )


def _find_function_departures(platform: PlatformSettings) -> Iterator[Departure]:
    tier = platform.environment.tiers.functions
    planned = {"basic": "the Consumption plan", "standard": "the Consumption plan", "premium": "the Premium plan"}[tier]
    reason = (
        "it reaches the network too, and needs no key of a storage account"
        if tier == "premium"
        else "Consumption on Linux is retired on 2028-09-30, has no new language versions, and reaches no network"
    )
    source = "Azure's pages on the hosting options of Functions and on migrating to Flex Consumption"
    yield Departure("functions", "tiers.functions", planned, "Flex Consumption", reason, source)


def _find_gateway_departures(platform: PlatformSettings) -> Iterator[Departure]:
    tier = platform.environment.tiers.api_management
    if tier == "basic":
        return
    reason = (
        "the classic Standard tier reaches nothing in a network"
        if tier == "standard"
        else "it is there in minutes, and joins the network in the same way"
    )
    source = "Azure's pages on virtual networks with API Management, and on its v2 tiers"
    planned = f"API Management {tier.title()}"
    yield Departure("gateway", "tiers.api_management", planned, f"{tier.title()} v2", reason, source)
