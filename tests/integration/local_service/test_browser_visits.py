"""A browser visits a site at the host of its stack, and its page calls the gateway of the stack."""

from __future__ import annotations

import json
from pathlib import Path

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.local_service.api_frontend import CorsRules
from semantest_iac.infrastructure.local_service.gateway.rules import BasicLogin, EnforcedApi
from semantest_iac.infrastructure.local_service.sites.rules import ServedFile, SiteRules
from tests.browser import open_browser
from tests.integration.local_service.entrances import KEY, Deployed

CLOUD_GATEWAY, CLOUD_SITE = "https://gateway.cloud.example", "https://site.cloud.example"
PAGE = """<!doctype html><title>Shop</title><pre id=result></pre><script src="/shop.js"></script>"""
SCRIPT = """
const show = (text) => { document.querySelector("#result").textContent = text; };
(async () => {
  const { gateway } = await (await fetch("/config.json")).json();
  const headers = { "x-api-key": "key-of-web", authorization: "Basic " + btoa("semantest:right") };
  const answers = [];
  for (const sent of [headers, { ...headers, authorization: "Basic " + btoa("semantest:wrong") }]) {
    const answer = await fetch(gateway + "/orders/7", { headers: sent });
    answers.push(answer.status, await answer.text());
  }
  show(JSON.stringify([location.pathname, ...answers.slice(0, 3)]));
})().catch((error) => show("failed: " + error));
"""
SITE = SiteRules(
    {
        "index.html": ServedFile(PAGE.encode(), (("content-type", "text/html"),)),
        "shop.js": ServedFile(SCRIPT.encode(), (("content-type", "text/javascript"), ("cache-control", "max-age=60"))),
        "config.json": ServedFile(json.dumps({"gateway": CLOUD_GATEWAY}).encode()),
    },
    HttpResponse(404),
    HttpResponse(405),
    single_page=True,
    origins=(CLOUD_SITE,),
)


async def test_a_page_calls_the_gateway_of_its_stack(deployed: Deployed, tmp_path: Path) -> None:
    cors = CorsRules([CLOUD_SITE], headers=["authorization", "x-api-key"])
    api = EnforcedApi("orders", needs_key=True, login=BasicLogin("semantest", "right"), cors=cors)
    deployed.deploy("one", deployed.make_gateway(1000, api, origin=CLOUD_GATEWAY), SITE)
    async with open_browser(tmp_path / "profile") as browser:
        page = await browser.open_page()
        await page.visit(f"http://{deployed.own_host['host']}/orders/7")
        shown = await page.wait_for("document.querySelector('#result')?.textContent")

    assert json.loads(shown) == ["/orders/7", 201, "/7", 401]
    assert [request.path for request in deployed.received] == ["/7"]
    assert {KEY["x-api-key"]} == {request.headers["x-api-key"] for request in deployed.received}
