"""The name of a stack."""

from __future__ import annotations

import pytest

from semantest_iac.domain.deployment.stack import Stack, format_stack_options
from semantest_iac.domain.errors import ValidationError

NAME = "rest-api.aws.staging.us-east-1"
STACK = Stack("rest-api", "aws", "staging", "us-east-1")
SHOP = Stack("rest-api", "aws", "staging", "us-east-1", "shop")


class TestStack:
    @pytest.mark.parametrize(("name", "stack"), [(NAME, STACK), (f"shop.{NAME}", SHOP)])
    def test_is_named_with_its_project_unless_it_is_the_default_one(self, name: str, stack: Stack) -> None:
        assert str(stack) == name
        assert Stack.parse(name) == stack

    def test_has_one_name_in_the_default_project(self) -> None:
        assert str(Stack.parse(f"semantest.{NAME}")) == NAME

    @pytest.mark.parametrize("name", ["rest-api", f"a.shop.{NAME}", f"Shop.{NAME}", f".{NAME}"])
    def test_refuses_what_is_no_name(self, name: str) -> None:
        with pytest.raises(ValidationError):
            Stack.parse(name)

    def test_of_account_settings_belongs_to_no_project(self) -> None:
        with pytest.raises(ValidationError) as caught:
            Stack("account", "aws", "staging", "us-east-1", "shop")

        assert [fault.path for fault in caught.value.faults] == ["project"]

    @pytest.mark.parametrize(("component", "is_service"), [("users-api", True), ("rest-api", True), ("account", False)])
    def test_is_a_service_unless_it_is_account_settings(self, component: str, is_service: bool) -> None:
        assert Stack(component, "aws", "staging", "us-east-1").is_service is is_service

    def test_is_selected_by_options(self) -> None:
        options = "--component rest-api --provider aws --env staging --region us-east-1"

        assert format_stack_options(STACK) == options
        assert format_stack_options(SHOP) == f"{options} --set project=shop"
