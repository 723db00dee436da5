"""A site that is deployed to each simulated cloud answers as its configuration says, on both clouds alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack

STACKS = {
    "aws": Stack("frontend", "aws", "development", "us-east-1"),
    "azure": Stack("frontend", "azure", "development", "eastus2"),
}
ANSWERS = {"aws": ("Hit from cloudfront", "Miss from cloudfront"), "azure": ("TCP_HIT", "TCP_MISS")}
PAGE, BUILT = "<!doctype html><title>Shop</title>", "assets/index-B3x9Qa1z.js"


class Frontend:
    """A deployed site, and the client of the server that plays it."""

    def __init__(self, folder: Path, cloud: str) -> None:
        self.cloud, self.stack, self.folder = cloud, STACKS[cloud], folder / "site"
        self.application = Application(folder / "home")
        self.url = ""
        for name, text in {"index.html": PAGE, "logo.svg": "<svg/>", BUILT: "run()", "help/index.html": "help"}.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    async def deploy(self, *, cdn: bool = True, **site: Any) -> None:
        section = {"source": str(self.folder), "variables": {"MODE": "test"}, **site}
        configuration = {
            "components": {"frontend": {"type": "site", "site": section}},
            "features": {"enable_cdn": cdn},
        }
        row = await self.application.deployments({}).deploy(self.stack, configuration)
        assert (row.state, row.error) == ("completed", None)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with self.application.gateway({}, ("127.0.0.1", 0), lambda _: None) as self.url:
            headers = {"host": f"{self.stack}.localhost:{self.url.rpartition(':')[2]}"}
            async with aiohttp.ClientSession(headers=headers) as client:
                yield client

    async def get(self, client: aiohttp.ClientSession, path: str) -> tuple[int, dict[str, str], str]:
        async with client.get(f"{self.url}{path}", allow_redirects=False) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, headers, await answer.text()


@pytest.fixture(params=list(STACKS))
def frontend(request: pytest.FixtureRequest, tmp_path: Path) -> Frontend:
    return Frontend(tmp_path, str(request.param))


async def test_files_have_their_types_times_and_headers(frontend: Frontend) -> None:
    await frontend.deploy(headers={"X-Team": "shop"})
    async with frontend.serve() as client:
        answers = {path: await frontend.get(client, path) for path in ("/", "/logo.svg", f"/{BUILT}", "/config.json")}

    assert {path: (status, text) for path, (status, _, text) in answers.items()} == {
        "/": (200, PAGE),
        "/logo.svg": (200, "<svg/>"),
        f"/{BUILT}": (200, "run()"),
        "/config.json": (200, '{\n  "MODE": "test"\n}\n'),
    }
    about = {path: (headers["content-type"], headers["cache-control"]) for path, (_, headers, _) in answers.items()}
    assert about == {
        "/": ("text/html; charset=utf-8", "no-cache"),
        "/logo.svg": ("image/svg+xml", "public, max-age=300"),
        f"/{BUILT}": ("text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        "/config.json": ("application/json", "no-cache"),
    }
    for _, headers, _ in answers.values():
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert headers["x-team"] == "shop"


@pytest.mark.parametrize("cdn", [True, False])
async def test_the_delivery_keeps_what_may_be_kept(frontend: Frontend, cdn: bool) -> None:
    await frontend.deploy(cdn=cdn)
    async with frontend.serve() as client:
        seen = [(await frontend.get(client, path))[1].get("x-cache") for path in ("/logo.svg", "/logo.svg", "/")]

    hit, miss = ANSWERS[frontend.cloud]
    assert seen == ([miss, hit, miss] if cdn else [None] * 3)


@pytest.mark.parametrize(
    ("single_page", "has_error_page", "expected"),
    [(True, False, (200, PAGE)), (False, True, (404, "lost")), (False, False, (404, None))],
)
async def test_missing_paths_are_answered_as_configured(
    frontend: Frontend, single_page: bool, has_error_page: bool, expected: tuple[int, str | None]
) -> None:
    if has_error_page:
        frontend.write("404.html", "lost")
    await frontend.deploy(single_page=single_page)
    async with frontend.serve() as client:
        status, _, text = await frontend.get(client, "/orders/7")

    assert (status, text if expected[1] else None) == expected


async def test_a_deployment_while_it_is_served_changes_pages_at_once_and_kept_files_later(frontend: Frontend) -> None:
    await frontend.deploy()
    async with frontend.serve() as client:
        before = [(await frontend.get(client, path))[2] for path in ("/", "/logo.svg")]
        frontend.write("index.html", "new page")
        frontend.write("logo.svg", "<svg new='new'/>")
        await frontend.deploy()
        after = [(await frontend.get(client, path))[2] for path in ("/", "/logo.svg")]

    assert before == [PAGE, "<svg/>"]
    assert after == ["new page", "<svg/>"]
