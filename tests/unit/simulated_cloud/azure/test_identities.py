"""Roles: new principals are unknown for a while, and no assignment is made twice or changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import GROUP, IDENTITY, ROLE_ASSIGNMENT, World

_OTHER = "11111111-1111-4222-8333-444455556666"


class TestNewPrincipals:
    @pytest.fixture
    def principal(self, make: Any) -> str:
        return str(make(IDENTITY, resourceName="id-new").outputs["principalId"])

    def test_are_not_found_without_their_type(self, principal: str, refused: Callable[..., CloudRefusal]) -> None:
        refusal = refused(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER, principalId=principal, principalType=None)

        assert (refusal.code, refusal.retryable) == ("PrincipalNotFound", True)
        assert f"Principal {principal} does not exist in the directory" in refusal.message

    def test_are_found_by_who_comes_back_often_enough(
        self, principal: str, make: Any, refused: Callable[..., CloudRefusal]
    ) -> None:
        inputs = {"roleAssignmentName": _OTHER, "principalId": principal, "principalType": None}
        for _ in range(4):
            refused(ROLE_ASSIGNMENT, **inputs)

        assert make(ROLE_ASSIGNMENT, **inputs).outputs["principalType"] == "ServicePrincipal"

    def test_are_believed_when_their_type_is_told(self, principal: str, make: Any) -> None:
        assert make(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER, principalId=principal).warnings == ()


class TestRoleAssignments:
    def test_exist_once_under_any_name(self, refused: Callable[..., CloudRefusal]) -> None:
        refusal = refused(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER)

        assert (refusal.code, refusal.message) == ("RoleAssignmentExists", "The role assignment already exists.")

    @pytest.mark.parametrize("name", ["principalId", "roleDefinitionId", "scope", "description"])
    def test_are_made_anew_for_any_change(self, name: str, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[ROLE_ASSIGNMENT](world)

        found = cloud.diff(ROLE_ASSIGNMENT, inputs, world[ROLE_ASSIGNMENT].outputs, {**inputs, name: "other"})

        assert found.replaces == (name,)

    def test_need_a_scope_that_exists(self, world: World, refused: Callable[..., CloudRefusal]) -> None:
        refusal = refused(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER, scope=f"{world[GROUP].id}/providers/No/a/b")

        assert refusal.code == "ResourceNotFound"

    def test_may_cover_the_subscription(self, make: Any) -> None:
        made = make(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER, scope="/subscriptions/one")

        assert made.id == f"/subscriptions/one/providers/Microsoft.Authorization/roleAssignments/{_OTHER}"
