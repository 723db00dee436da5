from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

import pytest

import semantest_iac.domain
from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.blueprints.capabilities import (
    FEATURES,
    RESOURCE_KINDS,
    Feature,
    find_required,
    list_capabilities,
)
from semantest_iac.domain.blueprints.components import build_rest_api
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.resource import Resource

_STACK = Stack("rest-api", "aws", "development", "us-east-1")
_SECRET = {"environment": {"KEY": "${secrets.key}"}}


def _find_required(**section: Any) -> list[capabilities.Capability]:
    configuration = DeploymentConfiguration.model_validate({"components": {"rest-api": section}})
    return find_required(build_rest_api(_STACK, 1, resolve_component(configuration, "rest-api", "development")))


def _leaf_names(root: type[Resource]) -> set[str]:
    """By name, since a dataclass with slots leaves a class without them behind; kinds of other tests are left out."""
    kinds, parents, waiting = set[str](), {root.__name__}, [root]
    while waiting:
        kind = waiting.pop()
        if not kind.__module__.startswith(f"{semantest_iac.__name__}."):
            continue
        kinds.add(kind.__name__)
        parents |= {kind.__name__} if kind.__subclasses__() else set()
        waiting += kind.__subclasses__()
    return kinds - parents


class TestTable:
    def test_has_every_kind_that_there_is(self) -> None:
        for module in pkgutil.walk_packages(semantest_iac.domain.__path__, "semantest_iac.domain."):
            import_module(module.name)

        assert _leaf_names(Resource) == {kind.__name__ for kind in RESOURCE_KINDS}

    def test_has_every_named_feature(self) -> None:
        named = {it for it in vars(capabilities).values() if isinstance(it, Feature)}

        assert named | set(capabilities.SIGNAL_FEATURES.values()) == set(FEATURES)

    def test_lists_every_kind_and_feature(self) -> None:
        assert set(list_capabilities()) == {*RESOURCE_KINDS, *FEATURES}


class TestFindRequired:
    @pytest.mark.parametrize(
        ("section", "feature"),
        [
            ({"instances": {"min": 1}}, capabilities.WARM_INSTANCES),
            ({"instances": {"max": 5}}, capabilities.MAXIMUM_INSTANCES),
            ({"routes": [{"path": "/api"}]}, capabilities.HTTP_ROUTES),
            ({"authorizer": {"issuer": "https://login.example", "audience": ["us"]}}, capabilities.HTTP_AUTHORIZER),
            (_SECRET, capabilities.SECRET_REFERENCES),
            ({"network": {"private": True}}, capabilities.IN_NETWORK),
            ({**_SECRET, "network": {"private": True}}, capabilities.PRIVATE_SECRET_ACCESS),
            ({"network": {"subnet_ids": ["a", "b"], "security_group_ids": ["c"]}}, capabilities.SEVERAL_SUBNETS),
            ({"network": {"subnet_ids": ["a"], "security_group_ids": ["c"]}}, capabilities.SECURITY_GROUPS),
        ],
        ids=lambda value: value.name if isinstance(value, Feature) else "",
    )
    def test_has_a_feature_only_if_it_is_configured(self, section: dict[str, Any], feature: Feature) -> None:
        assert feature in _find_required(**section)
        assert feature not in _find_required()

    def test_has_each_kind_once(self) -> None:
        kinds = [wanted for wanted in _find_required() if not isinstance(wanted, Feature)]

        assert len(kinds) == len(set(kinds)) > 5
