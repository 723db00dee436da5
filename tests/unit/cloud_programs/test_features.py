"""What a cloud claims to have takes effect there: with it and without it, the program asks for other things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.blueprints import features
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.capabilities import label
from semantest_iac.domain.blueprints.features import FEATURES, SIGNALS, Feature, asked_by
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import Configuration, resolved
from semantest_iac.domain.environments.providers import OURS
from semantest_iac.infrastructure.cloud_programs.cloud import cloud
from tests.unit.cloud_programs.recorder import recorded

Pair = Callable[[str], tuple[Blueprint, Blueprint]]
"""The blueprints with the feature and without it, on a cloud."""

_SECRET = {"TOKEN": "${secrets.token}"}
_SIGNED = {"components": {"websocket": {"environment": {"JWT_SECRET": "${secrets.jwt}"}}}}
_JWT = {"issuer": "https://issuer.example.org", "audience": ["semantest"]}


def _blueprint(provider: str, configuration: Mapping[str, Any], component: str = "rest-api") -> Blueprint:
    settings = resolved(Configuration.model_validate(configuration), component, "staging")
    return BLUEPRINTS[component](Stack(component, provider, "staging", OURS[provider].regions[0]), 1, settings)


def _written(with_it: Mapping[str, Any], without: Mapping[str, Any]) -> Pair:
    return lambda provider: (_blueprint(provider, with_it), _blueprint(provider, without))


def _section(key: str, with_it: Any, without: Any) -> Pair:
    sections = ({"components": {"rest-api": {key: value}}} for value in (with_it, without))
    return _written(*sections)


def _in(part: str, key: str, with_it: Any, without: Any) -> Pair:
    return _written({part: {key: with_it}}, {part: {key: without}})


def _fields(feature: Feature, configuration: Mapping[str, Any], component: str = "rest-api", **without: Any) -> Pair:
    def pair(provider: str) -> tuple[Blueprint, Blueprint]:
        whole = _blueprint(provider, configuration, component)
        changed = [replace(it, **without) if type(it) is feature.kind else it for it in whole.resources]
        return whole, replace(whole, resources=tuple(changed))

    return pair


_PRIVATE = {"components": {"rest-api": {"network": {"private": True}, "environment": _SECRET}}}
_OURS = {"subnet_ids": ["a"], "security_group_ids": ["g"]}
_PAIRS: Mapping[Feature, Pair] = {
    features.MEMORY: _section("memory", 4096, 512),
    features.WARM: _section("instances", {"min": 2}, {"min": 0}),
    features.MOST: _section("instances", {"max": 50}, {}),
    features.PLACED: _section("network", {"private": True}, {}),
    features.TRACING: _in("features", "tracing", True, False),
    features.SECRETS: _section("environment", _SECRET, {}),
    features.ROUTES: _section("routes", [{"path": "/items"}], None),
    features.CORS: _section("cors", {"origins": ["https://app.example.org"]}, {"origins": []}),
    features.THROTTLING: _section("throttling", {"rate": 5}, {"rate": 50}),
    features.AUTHORIZER: _section("authorizer", _JWT, None),
    features.ACCESS_LOG: _in("features", "access_logs", True, False),
    features.RETENTION: _in("monitoring", "log_retention_days", 90, 60),
    features.LONG_RETENTION: _in("monitoring", "log_retention_days", 0, 60),
    features.EMAILS: _in("monitoring", "notify", ["a@example.org"], []),
    features.SUBNETS: _section("network", {**_OURS, "subnet_ids": ["a", "b"]}, _OURS),
    features.GROUPS: _section("network", _OURS, {"subnet_ids": ["a"]}),
    features.KEPT: lambda provider: _fields(features.KEPT, {}, keep=True)(provider)[::-1],
    features.RECOVERY: _fields(features.RECOVERY, _PRIVATE, recovery_days=0),
    features.WAY_TO_SECRETS: _fields(features.WAY_TO_SECRETS, _PRIVATE, reaches_secrets=False),
    features.COMPANIONS: _fields(features.COMPANIONS, _SIGNED, "websocket", package=""),
    features.TOLD: _fields(features.TOLD, _SIGNED, "websocket", uses=()),
    features.RIGHTS: _fields(features.RIGHTS, _SIGNED, "websocket", uses=()),
    features.ADMISSION: _fields(features.ADMISSION, _SIGNED, "websocket", admits=()),
    features.CONNECTION_LOG: lambda provider: (
        _blueprint(provider, {**_SIGNED, "features": {"access_logs": True}}, "websocket"),
        _blueprint(provider, _SIGNED, "websocket"),
    ),
    features.TOKENS: _fields(features.TOKENS, _SIGNED, "websocket", authorizer=None),
    **{
        feature: _in("monitoring", "alerts", [{"type": signal.value, "threshold": 1}], [])
        for signal, feature in SIGNALS.items()
    },
}
_CLAIMED = [(name, feature) for name in OURS for feature in FEATURES if not cloud(name).capabilities.lack(feature)]


def _made(blueprint: Blueprint) -> list[Any]:
    return [asked for asked in recorded(blueprint) if not asked.type.startswith("semantest:")]


class TestPairs:
    @pytest.mark.parametrize("feature", FEATURES, ids=label)
    def test_ask_for_the_feature_once(self, feature: Feature) -> None:
        with_it, without = _PAIRS[feature]("aws")

        assert feature in asked_by(with_it)
        assert feature not in asked_by(without) or feature in (
            features.MEMORY,
            features.RECOVERY,
            features.RETENTION,
            features.THROTTLING,
        )


class TestClaims:
    @pytest.mark.parametrize(("name", "feature"), _CLAIMED, ids=[f"{name} {label(it)}" for name, it in _CLAIMED])
    def test_take_effect_or_say_what_happens_instead(self, name: str, feature: Feature) -> None:
        with_it, without = _PAIRS[feature](name)

        assert _made(with_it) != _made(without) or feature in cloud(name).bends
