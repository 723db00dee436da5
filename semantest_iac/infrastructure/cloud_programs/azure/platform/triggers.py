"""What calls functions: Azure's host, which reads its triggers from the settings of the app and needs no resource.

Other functions of the app do so with the token of their identity, which the package verifies.
"""

from __future__ import annotations

from semantest_iac.domain.compute.triggers import MessageTrigger, RequestTrigger, ScheduleTrigger
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext


def use_app_as_trigger(trigger: MessageTrigger | RequestTrigger | ScheduleTrigger, context: ProgramContext) -> Outputs:
    """Create nothing: the settings of the app have the trigger, which the package registers."""
    app = context.outputs[trigger.function]["arn"]
    return {"id": app, "arn": app}
