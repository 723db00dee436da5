"""Rights that somebody has, compared with those that are needed."""

from __future__ import annotations

import pytest

from semantest_iac.domain.security.permissions import GrantedPermissions, Permission, compare_permissions

FUNCTION = "arn:aws:lambda:us-east-1:*:function:shop"
NEEDED = (Permission(("lambda:CreateFunction", "lambda:GetFunction"), (FUNCTION,)), Permission(("sts:Get",), ("*",)))
ENOUGH = Permission(("lambda:CreateFunction", "lambda:GetFunction"), (FUNCTION,)), Permission(("sts:Get",), ("*",))


class TestComparison:
    def test_of_exactly_what_is_needed_finds_nothing(self) -> None:
        compared = compare_permissions(NEEDED, GrantedPermissions(ENOUGH))

        assert (compared.missing, compared.unused, compared.wider) == ((), (), ())

    def test_knows_an_account_by_no_number(self) -> None:
        own = Permission(NEEDED[0].actions, ("arn:aws:lambda:us-east-1:111122223333:function:sho?",))

        assert compare_permissions(NEEDED[:1], GrantedPermissions((own,))).missing == ()

    @pytest.mark.parametrize(
        ("granted", "missing"),
        [
            ((), ("lambda:CreateFunction", "lambda:GetFunction")),
            ((Permission(("lambda:Get*",), ("*",)),), ("lambda:CreateFunction",)),
            ((Permission(("lambda:*",), ("arn:aws:lambda:us-east-1:*:function:other",)),), NEEDED[0].actions),
        ],
        ids=["nothing", "some actions", "another function"],
    )
    def test_names_what_is_missing(self, granted: tuple[Permission, ...], missing: tuple[str, ...]) -> None:
        compared = compare_permissions(NEEDED[:1], GrantedPermissions(granted))

        assert compared.missing == (Permission(missing, (FUNCTION,)),)

    def test_takes_what_is_denied_for_missing(self) -> None:
        everything = Permission(("*",), ("*",))
        denied = Permission(("LAMBDA:create*",), ("*",))

        compared = compare_permissions(NEEDED, GrantedPermissions((everything,), (denied,)))

        assert compared.missing == (Permission(("lambda:CreateFunction",), (FUNCTION,)),)

    def test_names_what_is_not_needed_and_what_is_wider(self) -> None:
        more = Permission(("s3:GetObject", "lambda:Get*", "lambda:CreateFunction"), ("*",))

        compared = compare_permissions(NEEDED, GrantedPermissions((more,)))

        assert compared.unused == ("s3:GetObject",)
        assert compared.wider == ("lambda:Get*", "lambda:CreateFunction on every resource")
