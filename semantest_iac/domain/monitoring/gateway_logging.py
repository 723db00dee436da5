"""Leave for gateways to write logs, where a cloud gives that once for a whole account and region."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLogging(Resource):
    """Outlives its stack: the gateways of all other stacks write through it."""
