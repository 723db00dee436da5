"""What real Azure does at moments of its own, as lines for a script of faults."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.faults import Effect, Fault

SIBLING_CONFLICT: Final = Fault(
    Effect.REFUSE,
    type="azure-native:network:Subnet",
    call=2,
    code="AnotherOperationInProgress",
    message="Another operation on this or dependent resource is in progress.",
    status=409,
)
"""Two subnets of one network that are made side by side; here nothing is side by side, so the second one meets it."""

THROTTLED: Final = Fault(
    Effect.THROTTLE,
    type="azure-native:*",
    call=1,
    code="TooManyRequests",
    message="The request is being throttled as the limit has been reached.",
    retry_after=17,
)
"""Resource Manager's limit on writes to one subscription."""
