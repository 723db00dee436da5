"""The settings of the gateway; the layer makes its parts of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from semantest_iac.domain.costs.tiers import Tier

if TYPE_CHECKING:  # sections need pydantic, which is not installed where only a gateway or transport is
    from semantest_iac.domain.environments.platform.gateway_sections import (
        GatewayApiSection,
        GatewayProductSection,
        GatewaySubscriptionSection,
    )

DEFAULT_PUBLISHER = "noreply@semantest.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What the gateway has, by name, with the defaults filled in; without `apis` there is no gateway.

    `login_secret` is the name of the secret with the password of `login_user`. APIs that say nothing about browsers
    take the `origins` of the environment.
    """

    apis: Mapping[str, GatewayApiSection] = field(default_factory=dict)
    products: Mapping[str, GatewayProductSection] = field(default_factory=dict)
    subscriptions: Mapping[str, GatewaySubscriptionSection] = field(default_factory=dict)
    publisher_email: str = DEFAULT_PUBLISHER
    login_user: str = ""
    login_secret: str = ""
    origins: tuple[str, ...] = ()
    tier: Tier = "basic"
    domain: str = ""
    dns_zone: str = ""


def join_version(path: str, version: str) -> str:
    """Return the path of a version of an API, which may be none."""
    return f"{path.rstrip('/')}/{version}" if version else path
