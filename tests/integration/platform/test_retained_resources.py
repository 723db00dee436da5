"""What a delete would leave in the cloud stays in its stack, so that it can be brought back under its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.platform.places import PlatformPlace

_CODE: dict[str, Any] = {"source": ".", "runtime": "python3.13"}
_BOTH = {"list": {"handler": "a.handler"}, "add": {"handler": "b.handler"}}


def _with_functions(*names: str) -> dict[str, Any]:
    routes = [{"path": f"/{name}", "function": name} for name in names]
    functions = {name: _BOTH[name] for name in names}
    return {"components": {"rest-api": {**_CODE, "functions": functions, "routes": routes}}}


def _with_access_logs(enabled: bool) -> dict[str, Any]:
    return {"features": {"access_logs": enabled}, "components": {"rest-api": {**_CODE, "handler": "a.handler"}}}


_CHANGES = {
    "a function": (_with_functions("list", "add"), _with_functions("list")),
    "access logs": (_with_access_logs(True), _with_access_logs(False)),
}


@pytest.mark.parametrize("name", _CHANGES)
@pytest.mark.parametrize("provider", ["aws", "azure"])
class TestLogsOfProduction:
    async def test_goes_and_comes_back(self, provider: str, name: str, tmp_path: Path) -> None:
        whole, part = _CHANGES[name]
        place = PlatformPlace(tmp_path, "rest-api", provider, "production")
        await place.deploy(**whole)
        logs = await place.list_logs()

        removed = await place.deploy(**part)
        again = await place.preview(**part)
        kept = await place.list_logs()
        await place.deploy(**whole)

        assert (removed.changes.keep, again.is_empty, kept) == (0, True, logs)
        assert await place.list_logs() == logs
        assert (await place.preview(**whole)).is_empty

    async def test_stays_in_the_cloud_after_a_destroy(self, provider: str, name: str, tmp_path: Path) -> None:
        whole, part = _CHANGES[name]
        place = PlatformPlace(tmp_path, "rest-api", provider, "production")
        await place.deploy(**whole)
        await place.deploy(**part)
        logs = await place.list_logs()

        await place.destroy()
        after = await place.list_logs()
        await place.deploy(**whole)

        assert (after, len(await place.list_logs()), len(logs) > 0) == ([], len(logs), True)
