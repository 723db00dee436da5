"""The network layer: six subnets with their access rules, what leads out of them, and what protects them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from semantest_iac.domain.blueprints.platform.layer import Layer, LayerContext
from semantest_iac.domain.environments.environment_settings import EnvironmentSettings, NetworkSettings
from semantest_iac.domain.environments.platform.service_addresses import ServiceAddresses, find_service_addresses
from semantest_iac.domain.networking.access_rules import AccessCondition, AccessRules, NetworkPart, has_egress
from semantest_iac.domain.networking.virtual_networks import (
    BastionHost,
    DdosProtectionPlan,
    NatGateway,
    NetworkFirewall,
    Subnet,
    VirtualNetwork,
)
from semantest_iac.domain.resource import Ref, Resource

VIRTUAL_NETWORK_REF, ACCESS_REF, NAT_REF = Ref("virtual-network"), Ref("access-rules"), Ref("nat-gateway")
PLAN_REF, FIREWALL_REF, BASTION_REF = Ref("ddos-plan"), Ref("firewall"), Ref("bastion")


def subnet_ref(part: NetworkPart) -> Ref:
    """Return the name of a subnet among the resources of the platform."""
    return Ref(f"subnet-{part}")


def build_network_layer(context: LayerContext) -> Layer:
    """Build the network of the environment; a firewall takes the place of the NAT gateway as the way out."""
    settings = context.platform.environment.network
    ranges = {NetworkPart(name): cidr for name, cidr in settings.subnets.items()}
    services = find_service_addresses(settings.cidr, ranges.values())
    plan = PLAN_REF if settings.ddos_protection else None
    resources = (
        *_build_protection(settings),
        VirtualNetwork(name=VIRTUAL_NETWORK_REF, cidr=settings.cidr, public_cidr=services.public, protection=plan),
        _build_access(context, ranges, services),
        *_build_egress(context, ranges, services),
        *(_build_subnet(part, cidr, context.platform.environment) for part, cidr in ranges.items()),
        *_build_bastion(settings, services),
    )
    outputs = {"network_id": (VIRTUAL_NETWORK_REF, "id")}
    outputs |= {"network_public_ip": (NAT_REF, "public_ip")} if settings.nat_gateway else {}
    outputs |= {"network_bastion": (BASTION_REF, "name")} if settings.bastion else {}
    return Layer(resources, outputs)


def _build_protection(settings: NetworkSettings) -> Iterator[Resource]:
    if settings.ddos_protection:
        yield DdosProtectionPlan(
            name=PLAN_REF,
            existing_id=settings.ddos_plan_id,
            accept_commitment=settings.accept_ddos_commitment,
        )


def _build_access(context: LayerContext, ranges: Mapping[NetworkPart, str], services: ServiceAddresses) -> AccessRules:
    environment = context.platform.environment
    bastion = {NetworkPart.BASTION: services.bastion} if environment.network.bastion else {}
    return AccessRules(
        name=ACCESS_REF,
        network=VIRTUAL_NETWORK_REF,
        cidrs={**ranges, **bastion},
        has_private_endpoints=environment.security.private_endpoints,
        conditions=frozenset(_find_conditions(context)),
        gateway_tier=environment.tiers.api_management if context.platform.has_gateway else None,
    )


def _find_conditions(context: LayerContext) -> Iterator[AccessCondition]:
    """Yield what the services of the component make of the rules."""
    if "services" not in context.platform.layers:
        return
    services = context.platform.services
    if services.has_images or (services.built and not context.is_private):
        yield AccessCondition.IMAGES
    if services.has_public:
        yield AccessCondition.PUBLIC_SERVICES


def _build_egress(
    context: LayerContext, ranges: Mapping[NetworkPart, str], services: ServiceAddresses
) -> Iterator[Resource]:
    settings = context.platform.environment.network
    if settings.nat_gateway:
        yield NatGateway(
            name=NAT_REF,
            network=VIRTUAL_NETWORK_REF,
            high_availability=context.settings.is_production,
            protection=PLAN_REF if settings.ddos_protection else None,
        )
    if settings.firewall:
        yield NetworkFirewall(
            name=FIREWALL_REF,
            network=VIRTUAL_NETWORK_REF,
            cidr=services.firewall,
            egress=NAT_REF,
            sources=tuple(cidr for part, cidr in ranges.items() if has_egress(part)),
            allowed_hosts=settings.allowed_hosts,
        )


def _build_subnet(part: NetworkPart, cidr: str, environment: EnvironmentSettings) -> Subnet:
    """Build a subnet with at most one way out.

    That of the gateway has its tier whether there is a gateway or not: a cloud may refuse to change what decides how
    a gateway joins it as long as one is there.
    """
    network = environment.network
    way_out = FIREWALL_REF if network.firewall else NAT_REF if network.nat_gateway else None
    return Subnet(
        name=subnet_ref(part),
        network=VIRTUAL_NETWORK_REF,
        part=part,
        cidr=cidr,
        access=ACCESS_REF,
        egress=way_out if has_egress(part) else None,
        tier=environment.tiers.api_management if part is NetworkPart.GATEWAY else None,
    )


def _build_bastion(settings: NetworkSettings, services: ServiceAddresses) -> Iterator[Resource]:
    if settings.bastion:
        yield BastionHost(
            name=BASTION_REF,
            network=VIRTUAL_NETWORK_REF,
            subnet=subnet_ref(NetworkPart.MANAGEMENT),
            access=ACCESS_REF,
            cidr=services.bastion,
        )
