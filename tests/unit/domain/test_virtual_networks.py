from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from semantest_iac.domain.environments.platform.service_addresses import ServiceAddresses, find_service_addresses
from semantest_iac.domain.errors import ValidationError
from semantest_iac.domain.networking.access_rules import NetworkPart, has_egress

_SIX = [f"10.0.{number}.0/24" for number in range(6)]


class TestServiceAddresses:
    def test_follow_the_subnets(self) -> None:
        found = find_service_addresses("10.0.0.0/16", _SIX)

        assert found == ServiceAddresses(firewall="10.0.6.0/26", bastion="10.0.6.64/26", public="10.0.6.128/26")

    def test_are_never_those_of_a_subnet(self) -> None:
        subnets = ["10.0.0.64/27", "10.0.0.128/25", "10.0.1.0/24"]
        found = find_service_addresses("10.0.0.0/22", subnets)

        ranges = [IPv4Network(it) for it in (*subnets, found.firewall, found.bastion, found.public)]
        assert not [one for one in ranges for other in ranges if one is not other and one.overlaps(other)]
        assert all(it.subnet_of(IPv4Network("10.0.0.0/22")) for it in ranges)

    @pytest.mark.parametrize(
        ("cidr", "subnets"), [("10.0.0.0/21", [f"10.0.{n}.0/24" for n in range(8)]), ("10.0.0.0/25", [])]
    )
    def test_are_missed_where_there_is_no_room(self, cidr: str, subnets: list[str]) -> None:
        with pytest.raises(ValidationError) as refusal:
            find_service_addresses(cidr, subnets)

        [fault] = refusal.value.faults
        assert (fault.path, cidr in fault.message, bool(fault.hint)) == ("network.cidr", True, True)


class TestEgress:
    def test_is_of_those_that_call_outside(self) -> None:
        assert {part for part in NetworkPart if has_egress(part)} == {
            NetworkPart.GATEWAY,
            NetworkPart.APP,
            NetworkPart.FUNCTIONS,
        }
