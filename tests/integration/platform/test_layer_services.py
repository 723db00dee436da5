"""Services of the platform come, change and go on both simulated clouds, and nothing else moves with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.platform.places import PlatformPlace
from tests.integration.platform.shared_platforms import CLOUDS, pair_environments

_ORDERS: dict[str, Any] = {
    "image": "ghcr.io/acme/orders:1.4",
    "scale": {"min": 1, "max": 5, "concurrent_requests": 50, "queue": {"orders-queue": 20}},
    "bindings": {
        "sends_to": ["orders-queue"],
        "receives_from": ["orders-queue"],
        "calls": ["users-api"],
        "tables": ["orders"],
        "database": True,
    },
    "environment": {"TOKEN": "${secrets.token}"},
}
_USERS: dict[str, Any] = {"image": "ghcr.io/acme/users:2.0"}


def _write(**services: Any) -> dict[str, Any]:
    return {"components": {"platform": {"tables": ["orders"], "services": services}}}


@pytest.mark.parametrize(("provider", "environment"), pair_environments(1))
async def test_are_deployed_turned_off_changed_and_taken_out(provider: str, environment: str, tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, "platform", provider, environment)
    both = _write(**{"orders-api": _ORDERS, "users-api": _USERS})
    newer = _write(**{"orders-api": {**_ORDERS, "image": "ghcr.io/acme/orders:1.5"}, "users-api": _USERS})

    await place.deploy(**both)
    before = await place.list_resources()
    again = await place.preview(refresh=True, **both)
    off = await place.deploy(**both, features={"enable_container_apps": False})
    place.deployment = "another"  # clouds keep the names of deleted secrets, which begin anew with a deployment
    back = await place.deploy(**both)
    after = await place.list_resources()
    changed = await place.deploy(**newer)
    without = await place.deploy(**_write(**{"users-api": _USERS}))

    assert again.is_empty, [(it.op, it.urn, it.why) for it in again.mutations]
    assert off.changes.delete > 0
    assert off.changes.create == off.changes.replace == 0, [(it.op, it.urn) for it in off.mutations]
    assert back.changes.delete == back.changes.replace == 0, [(it.op, it.urn) for it in back.mutations]
    assert before == after
    assert changed.mutations
    assert all("orders-api" in it.urn for it in changed.mutations), [it.urn for it in changed.mutations]
    assert without.changes.delete > 0
    replaced = {it.urn.rpartition("$")[2].partition("::")[0] for it in without.mutations if it.op == "replace"}
    assert replaced <= {"aws:apigateway/deployment:Deployment"}  # the gateway leads to one service less


@pytest.mark.parametrize("provider", CLOUDS)
async def test_change_their_port_where_they_are(provider: str, tmp_path: Path) -> None:
    """What is replaced under the name that it had before cannot be brought back while the old one is still there."""
    place = PlatformPlace(tmp_path, "platform", provider, "qa")  # without a gateway

    await place.deploy(**_write(**{"users-api": _USERS}))
    changed = await place.deploy(**_write(**{"users-api": _USERS | {"port": 9090, "health": {"path": "/ready"}}}))
    back = await place.deploy(**_write(**{"users-api": _USERS}))

    for plan in (changed, back):
        replaced = {it.urn.rpartition("$")[2].partition("::")[0] for it in plan.mutations if it.op == "replace"}
        assert replaced <= {"aws:ecs/taskDefinition:TaskDefinition"}


async def test_make_another_environment_when_everybody_may_call_one(tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, "platform", "azure", "development")

    await place.deploy(**_write(**{"users-api": _USERS}))
    public = await place.deploy(**_write(**{"users-api": _USERS | {"public": True}}))

    replaced = {it.urn.rpartition("::")[2] for it in public.mutations if it.op == "replace"}
    watching = {name for name in replaced if name.startswith(("alarm-", "diagnostics-"))}  # bound to what they watch
    assert replaced - watching == {"container-environment", "service-users-api"}
    assert all(name.endswith("-service-users-api") for name in watching)
