"""Meadow's resource classes; a real cloud has an SDK for this."""

from __future__ import annotations

from typing import Any

import pulumi


class Provider(pulumi.ProviderResource):
    def __init__(self, field: str) -> None:
        super().__init__("meadow", "meadow", {"field": field})


class Resource(pulumi.CustomResource):
    """One resource; the cloud determines its outputs `arn` and `address`."""

    arn: pulumi.Output[str]
    address: pulumi.Output[str]

    def __init__(self, kind: str, title: str, options: pulumi.ResourceOptions, **inputs: Any) -> None:
        super().__init__(f"meadow:app:{kind}", title, {"arn": None, "address": None, **inputs}, options)
