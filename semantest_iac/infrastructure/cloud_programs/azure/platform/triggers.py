"""What calls functions: Azure's host, which reads its triggers from the settings of the app and needs no resource."""

from __future__ import annotations

from semantest_iac.domain.compute.triggers import MessageTrigger, ScheduleTrigger
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext


def use_app_as_trigger(trigger: MessageTrigger | ScheduleTrigger, context: ProgramContext) -> Outputs:
    """Create nothing: the settings of the app have the trigger, which the package registers."""
    return {"id": context.outputs[trigger.function]["arn"]}
