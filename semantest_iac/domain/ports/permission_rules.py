"""The port to what a cloud knows of rights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.domain.security.permissions import GrantedPermissions, StackPermissions

DescribePermissions = Callable[[Stack, ComponentSettings, Sequence[DeployedResource]], StackPermissions]
"""Returns what deploying resources that a program has created needs, and what their identities may do."""


@dataclass(frozen=True, slots=True)
class PermissionRules:
    """What a cloud knows of rights; `read_granted` reads a document of its form, and raises RefusedError for others."""

    describe: DescribePermissions
    read_granted: Callable[[Any], GrantedPermissions]
