"""Which version of a function is live, on Flex Consumption: the package that was published last."""

from __future__ import annotations

from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.infrastructure.cloud_programs.context import Context, Made


def live_version(live: LiveVersion, context: Context) -> Made:
    """Nothing is made: these apps have one slot, and what is kept warm is said at the app itself."""
    function = context.made[live.function]
    return {name: function[name] for name in ("arn", "name", "host", "version", "door_key", "workspace")}
