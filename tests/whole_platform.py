"""A platform with something in every layer: services, a gateway, a site, tables and buckets; as a file that is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.environment_settings import get_environment_settings
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.configuration.loading import ConfigurationSources, read_configuration

_OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "Products", "version": "1"},
    "paths": {
        "/": {"get": {"parameters": [{"name": "page", "in": "query"}]}, "post": {}},
        "/{id}": {"get": {}, "delete": {}},
    },
}
_GATEWAY = {
    "apis": {
        "orders": {"service": "orders-api", "path": "/orders", "login": True, "rate": {"calls": 100, "seconds": 60}},
        "products": {"service": "products-api", "openapi": "products.yaml", "cache": {"seconds": 30}},
        "rates": {
            "url": "https://rates.example.org/v1",
            "jwt": {"issuer": "https://login.example.org/", "audience": ["rates"]},
        },
    },
    "products": {
        "standard": {"apis": ["orders", "products"], "rate": {"calls": 10}, "quota": {"calls": 1000, "period": "day"}},
        "partners": {"apis": ["rates"]},
    },
    "subscriptions": {"web": {"product": "standard"}, "acme": {"product": "partners"}},
    "login": {"user": "semantest", "password": "${secrets.gateway_password}"},
}


def _write_services(environment: str) -> dict[str, Any]:
    """Return services that use what the environment has."""
    features = get_environment_settings(environment).features
    return {
        "users-api": {"image": "ghcr.io/acme/users:2.0", "bindings": {"database": True}},
        "products-api": {
            "image": "ghcr.io/acme/products:3.1",
            "bindings": {
                "tables": ["products"],
                "buckets": ["pictures"],
                "cache": features.enable_redis_cache,
                "documents": features.enable_cosmos_db,
            },
        },
        "orders-api": {
            "image": "ghcr.io/acme/orders:1.4",
            "scale": {"min": 1, "max": 5, "concurrent_requests": 50, "queue": {"orders-queue": 20}},
            "bindings": {
                "sends_to": ["orders-queue", "events-topic"],
                "receives_from": ["orders-queue"],
                "calls": ["users-api", "products-api"],
            },
            "environment": {"LIMIT": "5", "TOKEN": "${secrets.token}"},
        },
    }


def _write_site(environment: str) -> dict[str, Any]:
    """Return a site, with a domain where it has a CDN."""
    domain = {"domain": "app.semantest.com", "dns_zone": "semantest.com"}
    return {
        "source": "site",
        "single_page": True,
        "variables": {"API_URL": "${gateway.url}"},
        **(domain if get_environment_settings(environment).features.enable_cdn else {}),
    }


def read_whole_platform(folder: Path, stack: Stack, features: Mapping[str, bool] | None = None) -> dict[str, Any]:
    """Write the platform as a configuration into the folder, and return what is read; fails where it has a fault."""
    values, faults = check_whole_platform(folder, stack, features)
    assert not faults, faults
    return values


def check_whole_platform(
    folder: Path, stack: Stack, features: Mapping[str, bool] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return what is read, and what a deployment of it would be refused for."""
    platform = {
        "services": _write_services(stack.environment),
        "gateway": _GATEWAY,
        "site": _write_site(stack.environment),
        "tables": ["products"],
        "buckets": ["pictures"],
    }
    written = {"components": {"platform": platform}, "features": dict(features or {})}
    (folder / "semantest.yaml").write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    (folder / "products.yaml").write_text(yaml.safe_dump(_OPENAPI), encoding="utf-8")
    parsed = read_configuration(ConfigurationSources(folder))
    service = ValidationService(date(2026, 12, 1), CLOUDS, lambda name: find_cloud(name).capabilities)
    faults = (*parsed.faults, *service.validate(stack, parsed.configuration).faults)
    return parsed.configuration.model_dump(exclude_unset=True), [f"{it.path}: {it.message}" for it in faults]
