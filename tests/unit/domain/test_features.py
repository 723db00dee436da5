"""The table of everything that a blueprint can ask a cloud for."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

import pytest

import semantest_iac.domain
from semantest_iac.domain.blueprints import features
from semantest_iac.domain.blueprints.features import FEATURES, KINDS, Feature, asked_by, everything
from semantest_iac.domain.blueprints.rest_api import rest_api
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import Configuration, resolved
from semantest_iac.domain.resource import Resource

_STACK = Stack("rest-api", "aws", "development", "us-east-1")
_SECRET = {"environment": {"KEY": "${secrets.key}"}}


def _asked(**section: Any) -> list[features.Wanted]:
    configuration = Configuration.model_validate({"components": {"rest-api": section}})
    return asked_by(rest_api(_STACK, 1, resolved(configuration, "rest-api", "development")))


class TestTable:
    def test_has_every_kind_that_there_is(self) -> None:
        for module in pkgutil.walk_packages(semantest_iac.domain.__path__, "semantest_iac.domain."):
            import_module(module.name)

        assert {kind.__name__ for kind in Resource.__subclasses__()} == {kind.__name__ for kind in KINDS}

    def test_has_every_feature_that_has_a_name(self) -> None:
        named = {it for it in vars(features).values() if isinstance(it, Feature)}

        assert named | set(features.SIGNALS.values()) == set(FEATURES)

    def test_is_told_kind_by_kind_without_losing_any(self) -> None:
        assert set(everything()) == {*KINDS, *FEATURES}


class TestAsked:
    @pytest.mark.parametrize(
        ("section", "feature"),
        [
            ({"instances": {"min": 1}}, features.WARM),
            ({"instances": {"max": 5}}, features.MOST),
            ({"routes": [{"path": "/api"}]}, features.ROUTES),
            ({"authorizer": {"issuer": "https://login.example", "audience": ["us"]}}, features.AUTHORIZER),
            (_SECRET, features.SECRETS),
            ({"network": {"private": True}}, features.PLACED),
            ({**_SECRET, "network": {"private": True}}, features.WAY_TO_SECRETS),
            ({"network": {"subnet_ids": ["a", "b"], "security_group_ids": ["c"]}}, features.SUBNETS),
            ({"network": {"subnet_ids": ["a"], "security_group_ids": ["c"]}}, features.GROUPS),
        ],
        ids=lambda value: value.name if isinstance(value, Feature) else "",
    )
    def test_is_a_feature_by_those_alone_who_need_it(self, section: dict[str, Any], feature: Feature) -> None:
        assert feature in _asked(**section)
        assert feature not in _asked()

    def test_is_each_kind_once(self) -> None:
        kinds = [wanted for wanted in _asked() if not isinstance(wanted, Feature)]

        assert len(kinds) == len(set(kinds)) > 5
