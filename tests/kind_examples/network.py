"""Examples of the kinds of the platform's network."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from semantest_iac.domain.environments.platform.service_addresses import find_service_addresses
from semantest_iac.domain.networking.access_rules import SUBNET_PARTS, AccessRules, NetworkPart
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.domain.networking.virtual_networks import (
    BastionHost,
    DdosProtectionPlan,
    NatGateway,
    NetworkFirewall,
    Subnet,
    VirtualNetwork,
)
from semantest_iac.domain.resource import Ref
from tests.kind_examples import shared
from tests.kind_examples.example import KindExample

_CIDR = "10.0.0.0/16"
_RANGES = dict(zip(SUBNET_PARTS, map(str, ip_network(_CIDR).subnets(new_prefix=24)), strict=False))
_SERVICES = find_service_addresses(_CIDR, _RANGES.values())
_NETWORK, _ACCESS, _NAT = Ref("virtual-network"), Ref("access-rules"), Ref("nat-gateway")

VIRTUAL_NETWORK = VirtualNetwork(name=_NETWORK, cidr=_CIDR, public_cidr=_SERVICES.public)
ACCESS_RULES = AccessRules(name=_ACCESS, network=_NETWORK, cidrs={**_RANGES, NetworkPart.BASTION: _SERVICES.bastion})
NAT_GATEWAY = NatGateway(name=_NAT, network=_NETWORK)
_PLAN = DdosProtectionPlan(name=Ref("ddos-plan"))
_FIREWALL = NetworkFirewall(
    name=Ref("firewall"),
    network=_NETWORK,
    cidr=_SERVICES.firewall,
    egress=_NAT,
    sources=(_RANGES[NetworkPart.FUNCTIONS],),
)


def _subnet(part: NetworkPart, egress: Ref | None = None) -> Subnet:
    return Subnet(
        name=Ref(f"subnet-{part}"), network=_NETWORK, part=part, cidr=_RANGES[part], access=_ACCESS, egress=egress
    )


_FUNCTIONS = _subnet(NetworkPart.FUNCTIONS, _NAT)
APP_SUBNET = _subnet(NetworkPart.APP, _NAT)
GATEWAY_SUBNET = replace(_subnet(NetworkPart.GATEWAY, _NAT), tier="basic")
_INTEGRATION = _subnet(NetworkPart.INTEGRATION)
_MANAGEMENT = _subnet(NetworkPart.MANAGEMENT)
_BASTION = BastionHost(
    name=Ref("bastion"), network=_NETWORK, subnet=Ref(_MANAGEMENT.name), access=_ACCESS, cidr=_SERVICES.bastion
)
_ENDPOINT = PrivateEndpoint(
    name=Ref("endpoint-web-sockets"),
    service=PrivateService.WEB_SOCKETS,
    network=_NETWORK,
    subnet=Ref(_INTEGRATION.name),
    targets=(shared.ADDRESS,),
)
_WIDE_ENDPOINT = PrivateEndpoint(
    name=Ref("endpoint-wide"),
    service=PrivateService.MESSAGING,
    network=_NETWORK,
    subnet=Ref(_INTEGRATION.name),
    targets=(),
    reached_from=(Ref(_FUNCTIONS.name),),
)

NETWORK_EXAMPLES = (
    KindExample(
        resource=VIRTUAL_NETWORK,
        changed=replace(VIRTUAL_NETWORK, cidr="10.3.0.0/16", public_cidr="10.3.6.128/26"),
        change=("replace",),
        outputs=("id",),
    ),
    KindExample(
        resource=ACCESS_RULES,
        changed=replace(ACCESS_RULES, has_private_endpoints=True),
        change=("update",),
        changes={"aws": ()},  # there, services outside of the network are reached by HTTPS alone
        needs=(VIRTUAL_NETWORK,),
        outputs=("app", "functions"),
    ),
    KindExample(
        resource=NAT_GATEWAY,
        changed=replace(NAT_GATEWAY, high_availability=True),
        change=(),
        changes={"aws": ("create",)},
        needs=(VIRTUAL_NETWORK,),
        outputs=("public_ip",),
    ),
    KindExample(
        resource=_FUNCTIONS,
        changed=replace(_FUNCTIONS, egress=None),
        change=("update",),
        changes={"aws": ("delete",)},
        needs=(VIRTUAL_NETWORK, ACCESS_RULES, NAT_GATEWAY),
    ),
    KindExample(
        resource=_PLAN,
        changed=replace(_PLAN, existing_id="/subscriptions/s/resourceGroups/g/providers/a/ddosProtectionPlans/p"),
        change=("delete",),
        changes={"aws": ()},
    ),
    KindExample(
        resource=_FIREWALL,
        changed=replace(_FIREWALL, allowed_hosts=("api.example.org", "*.example.com")),
        change=("update",),
        needs=(VIRTUAL_NETWORK, NAT_GATEWAY),
    ),
    KindExample(
        resource=_BASTION,
        changed=replace(_BASTION, subnet=Ref(_INTEGRATION.name)),
        change=(),  # there it reaches every subnet that lets it in
        changes={"aws": ("replace",)},
        needs=(VIRTUAL_NETWORK, ACCESS_RULES, _MANAGEMENT, _INTEGRATION),
        outputs=("id",),
    ),
    KindExample(
        resource=_ENDPOINT,
        changed=replace(_ENDPOINT, targets=()),
        change=("delete",),
        changes={"aws": ()},  # where these addresses cannot be private
        needs=(VIRTUAL_NETWORK, ACCESS_RULES, _INTEGRATION, shared.WEB_SOCKET_ADDRESS),
    ),
    KindExample(
        resource=_WIDE_ENDPOINT,
        changed=replace(_WIDE_ENDPOINT, service=PrivateService.OBJECTS),
        change=("replace",),
        changes={"aws": ("create", "delete")},  # of interfaces in the subnet, and of a route
        needs=(VIRTUAL_NETWORK, ACCESS_RULES, NAT_GATEWAY, _FUNCTIONS, _INTEGRATION),
        label="of a whole service",
    ),
)
