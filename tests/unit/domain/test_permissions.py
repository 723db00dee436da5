"""Rights that somebody has, compared with those that are needed."""

from __future__ import annotations

import pytest

from semantest_iac.domain.security.permissions import (
    GrantedPermissions,
    Permission,
    PermissionPattern,
    compare_permissions,
)

FUNCTION = "arn:aws:lambda:us-east-1:*:function:shop"
NEEDED = (Permission(("lambda:CreateFunction", "lambda:GetFunction"), (FUNCTION,)), Permission(("sts:Get",), ("*",)))
ENOUGH = tuple(PermissionPattern(it.actions, it.resources) for it in NEEDED)


class TestComparison:
    def test_of_exactly_what_is_needed_finds_nothing(self) -> None:
        compared = compare_permissions(NEEDED, GrantedPermissions(ENOUGH))

        assert (compared.missing, compared.unused, compared.wider) == ((), (), ())

    def test_knows_an_account_by_no_number(self) -> None:
        own = PermissionPattern(NEEDED[0].actions, ("arn:aws:lambda:us-east-1:111122223333:function:sho?",))

        assert compare_permissions(NEEDED[:1], GrantedPermissions((own,))).missing == ()

    @pytest.mark.parametrize(
        ("granted", "missing"),
        [
            ((), ("lambda:CreateFunction", "lambda:GetFunction")),
            ((PermissionPattern(("lambda:Get*",), ("*",)),), ("lambda:CreateFunction",)),
            ((PermissionPattern(("lambda:*",), ("arn:aws:lambda:us-east-1:*:function:other",)),), NEEDED[0].actions),
        ],
        ids=["nothing", "some actions", "another function"],
    )
    def test_names_what_is_missing(self, granted: tuple[PermissionPattern, ...], missing: tuple[str, ...]) -> None:
        compared = compare_permissions(NEEDED[:1], GrantedPermissions(granted))

        assert compared.missing == (Permission(missing, (FUNCTION,)),)

    def test_takes_what_is_denied_for_missing(self) -> None:
        everything = PermissionPattern(("*",), ("*",))
        denied = PermissionPattern(("LAMBDA:create*",), ("*",))

        compared = compare_permissions(NEEDED, GrantedPermissions((everything,), (denied,)))

        assert compared.missing == (Permission(("lambda:CreateFunction",), (FUNCTION,)),)

    def test_names_what_is_not_needed_and_what_is_wider(self) -> None:
        more = PermissionPattern(("s3:GetObject", "lambda:Get*", "lambda:CreateFunction"), ("*",))

        compared = compare_permissions(NEEDED, GrantedPermissions((more,)))

        assert compared.unused == ("s3:GetObject",)
        assert compared.wider == ("lambda:Get*", "lambda:CreateFunction on every resource")


class TestPatterns:
    """A policy that looks like enough, and with which the deployment would be refused."""

    FUNCTIONS = "arn:aws:lambda:us-east-1:*:function:shop-*"

    @pytest.mark.parametrize(
        "pattern",
        [
            PermissionPattern(("lambda:Create",), (FUNCTIONS,)),
            PermissionPattern(("lambda:[A-Z]*",), (FUNCTIONS,)),
            PermissionPattern(("lambda:*",), ("arn:aws:lambda:us-east-1:*:function:shop-?",)),
            PermissionPattern(("lambda:*",), ("arn:aws:lambda:us-east-1:*:function:shop-a*",)),
            PermissionPattern(("lambda:*",), ("arn:aws:lambda:us-east-1:*:function:[a-z]*",)),
            PermissionPattern(("*",), not_actions=("lambda:Create*",)),
            PermissionPattern(("*",), not_resources=("arn:aws:lambda:us-east-1:*:function:shop-cart",)),
        ],
    )
    def test_allow_only_what_they_cover(self, pattern: PermissionPattern) -> None:
        needed = Permission(("lambda:CreateFunction",), (self.FUNCTIONS,))

        assert compare_permissions([needed], GrantedPermissions((pattern,))).missing == (needed,)

    @pytest.mark.parametrize(
        "pattern",
        [
            PermissionPattern(("LAMBDA:create??????on",), ("arn:aws:lambda:*:111122223333:function:s*",)),
            PermissionPattern(("*",), not_actions=("iam:*",)),
            PermissionPattern(("lambda:*",), not_resources=("arn:aws:lambda:us-east-1:*:function:store",)),
        ],
    )
    def test_allow_all_that_they_cover(self, pattern: PermissionPattern) -> None:
        needed = Permission(("lambda:CreateFunction",), (self.FUNCTIONS,))

        assert compare_permissions([needed], GrantedPermissions((pattern,))).missing == ()

    @pytest.mark.parametrize(
        ("pattern", "is_denied"),
        [
            (PermissionPattern(("lambda:*",), ("arn:aws:lambda:us-east-1:111122223333:function:shop-cart",)), True),
            (PermissionPattern(("lambda:*",), ("arn:aws:lambda:*:*:function:*-cart",)), True),
            (PermissionPattern(("lambda:*",), ("arn:aws:lambda:us-east-1:*:function:sho",)), False),
            (PermissionPattern(("lambda:*",), ("arn:aws:lambda:eu-west-1:*:function:*",)), False),
            (PermissionPattern(("*",), not_actions=("iam:*",)), True),
            (PermissionPattern(("*",), not_actions=("lambda:*",)), False),
            (PermissionPattern(("*",), not_resources=("arn:aws:lambda:*",)), False),
            (PermissionPattern(("*",), not_resources=("arn:aws:lambda:us-east-1:*:function:shop-c*",)), True),
        ],
    )
    def test_deny_what_they_touch(self, pattern: PermissionPattern, *, is_denied: bool) -> None:
        needed = Permission(("lambda:CreateFunction",), (self.FUNCTIONS,))
        granted = GrantedPermissions((PermissionPattern(("*",)),), (pattern,))

        assert compare_permissions([needed], granted).missing == ((needed,) if is_denied else ())
