"""What the provider says of the published versions of functions.

Source: Versioning in Lambda's developer guide: a version is a copy of code and settings that never changes.
"""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.functions import FUNCTION_TYPE
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import VersionSource
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.values import ResourceProperties

_NOT_DESCRIBED: Final = frozenset(("code", "ephemeralStorage", "loggingConfig", "publish"))


def _describe_function(outputs: ResourceProperties, qualifier: str) -> dict[str, Any]:
    """Return the result of the provider's data source; of the variables, the inventory has a fingerprint."""
    variables = outputs.get("environment")
    is_masked = isinstance(variables, str)
    shown = {name: value for name, value in outputs.items() if name not in _NOT_DESCRIBED}
    return {
        **shown,
        "id": outputs["name"],
        "functionName": outputs["name"],
        "qualifier": qualifier,
        "version": qualifier,
        "qualifiedArn": f"{outputs['arn']}:{qualifier}",
        "environment": {"variables": {"fingerprint": variables}} if is_masked else variables or {"variables": {}},
        "ephemeralStorages": [outputs.get("ephemeralStorage") or {}],
        "loggingConfigs": [outputs.get("loggingConfig") or {}],
    }


FUNCTION_SOURCE: Final = VersionSource(
    FUNCTION_TYPE,
    "functionName",
    "qualifier",
    "$LATEST",
    _describe_function,
    Refusal(
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:{region}:{account}:function:{name}:{qualifier}",
        404,
    ),
)
"""The provider's data source `getFunction`. Source: its documentation and the fields of its SDK; the refusal is that of
Lambda's GetFunction."""
