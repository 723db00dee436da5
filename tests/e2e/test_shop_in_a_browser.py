"""A React site in a browser orders through the gateway, and shows what the worker of the queue wrote down."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.serving.local_serving import LocalServing
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import LAYER_TYPES
from semantest_iac.presentation.request_log import RequestLogEntry
from tests.browser import Page, find_browser, open_browser
from tests.node_packages import find_packages, link_packages
from tests.object_stores import require_azurite

pytestmark = pytest.mark.skipif(not {"services", "gateway", "site"} <= {*LAYER_TYPES}, reason="a layer is missing")
SHOP = Path(__file__).parent / "shop"
STACKS = {
    "aws": Stack("platform", "aws", "development", "us-east-1"),
    "azure": Stack("platform", "azure", "development", "eastus"),
}
USER, PASSWORD = "semantest", "correct horse"
_SECRETS = {"SEMANTEST_SECRET_GATEWAY_PASSWORD": PASSWORD}
_BUNDLE = "node_modules/esbuild/bin/esbuild src/main.jsx --bundle --format=esm --jsx=automatic"
_LOOKS, _PAUSE_S = 200, 0.2


@pytest.fixture(params=list(STACKS))
def stack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stack:
    find_browser()
    if shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    if not (find_packages() / "react-dom").is_dir():
        pytest.skip("React is not downloaded: `make node-packages`")
    if request.param == "azure":
        require_azurite(monkeypatch)
    return STACKS[request.param]


def describe_platform(folder: Path) -> dict[str, Any]:
    """Return the section of the platform whose sources are in a folder."""
    orders = {
        "source": str(folder / "backend"),
        "start": f"{sys.executable} app.py",
        "bindings": {"sends_to": ["orders-queue"], "tables": ["orders"]},
    }
    worker = {"handler": "app.handle_messages", "trigger": {"queue": "orders-queue"}, "tables": ["orders"]}
    cors = {"origins": ["*"], "methods": ["GET", "POST"], "headers": ["authorization", "x-api-key"]}
    operations = [{"path": "/", "methods": ["GET", "POST"]}]
    api = {"service": "orders-api", "path": "/orders", "login": True, "operations": operations, "cors": cors}
    return {
        "source": str(folder / "backend"),
        "runtime": "python{}.{}".format(*sys.version_info[:2]),
        "queues": {"orders-queue": {}},
        "topics": {},
        "tables": ["orders"],
        "functions": {"orders-worker": {**worker, "timeout": 25}},
        "services": {"orders-api": orders},
        "gateway": {
            "publisher_email": "api@example.org",
            "apis": {"orders": api},
            "login": {"user": USER, "password": "${secrets.gateway_password}"},
        },
        "site": {
            "source": str(folder / "site"),
            "build": f"{_BUNDLE} --outfile=dist/assets/main.js && cp index.html dist/",
            "single_page": True,
            "variables": {"API_URL": "${gateway.url}"},
        },
    }


async def deploy_shop(application: Application, stack: Stack, folder: Path) -> str:
    """Deploy the shop, and return the key of its subscription."""
    shutil.copytree(SHOP, folder)
    link_packages(folder / "site" / "node_modules", "react", "react-dom", "scheduler", "esbuild", "@esbuild")
    features = dict.fromkeys(("enable_sql_database", "enable_redis_cache", "enable_cosmos_db"), False)
    configuration = {"components": {"platform": describe_platform(folder)}, "features": features}
    row = await application.deployments(_SECRETS).deploy(stack, configuration)
    assert (row.state, row.error) == ("completed", None)
    entrance = await LocalServing(application, {}).find_entrance(stack)
    assert entrance is not None
    assert entrance.gateway is not None
    return entrance.gateway.keys[0].value


async def order_and_wait(page: Page) -> list[str]:
    """Order something, and return what the page shows when it is there."""
    await page.click("#order")
    await page.wait_for("document.querySelector('#status').textContent === 'POST 202'")
    for _ in range(_LOOKS):
        await page.click("#show")
        await asyncio.sleep(_PAUSE_S)
        if shown := await page.evaluate("[...document.querySelectorAll('li')].map((it) => it.textContent)"):
            return [str(it) for it in shown]
    raise AssertionError(await page.evaluate("document.body.innerText"))


async def test_an_order_comes_back_through_all_layers(tmp_path: Path, stack: Stack) -> None:
    application, log = Application(tmp_path / "home"), list[RequestLogEntry]()
    key = await deploy_shop(application, stack, tmp_path / "shop")
    fields = {"key": key, "user": USER, "password": PASSWORD}
    async with (
        application.gateway({}, ("127.0.0.1", 0), log.append) as url,
        open_browser(tmp_path / "profile") as browser,
    ):
        page, site = await browser.open_page(), f"http://{stack}.localhost:{url.rpartition(':')[2]}/orders"
        async with page.record(tmp_path / "browser") as requests:
            await page.visit(site)
            await page.click("#order")
            await page.wait_for("document.querySelector('#status').textContent === 'POST 401'")
            for name, text in fields.items():
                await page.fill(f"#{name}", text)
            shown = await order_and_wait(page)

    assert shown == ["tea"]
    statuses = [it.rpartition(" ")[0] for it in requests if not it.startswith("OPTIONS")]
    assert requests[0] == f"GET 200 {site}"
    assert [it for it in statuses if it.startswith("POST")] == ["POST 401", "POST 202"]
    assert json.loads((tmp_path / "browser" / "trace.json").read_text()) == requests
    assert (tmp_path / "browser" / "screenshot.png").read_bytes().startswith(b"\x89PNG")
    assert [it.path.partition(" ")[0] for it in log if it.method == "DELIVER"] == ["orders-queue"]
    assert not any(secret in str(it) for it in log for secret in (key, PASSWORD))
