"""What visitors of a site receive, the same on both clouds but for the words of the delivery network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.networking.managed_gateways import HeaderRules
from semantest_iac.infrastructure.local_service.gateway.answer_cache import AnswerCache
from semantest_iac.infrastructure.local_service.sites.played_site import PlayedSite, find_cache_lifetime_s
from semantest_iac.infrastructure.local_service.sites.rules import CacheStatusHeader, ServedFile, SiteRules

WORDS = {
    "aws": CacheStatusHeader("x-cache", "Hit from cloudfront", "Miss from cloudfront"),
    "azure": CacheStatusHeader("x-cache", "TCP_HIT", "TCP_MISS"),
}
HTML, SCRIPT = ("content-type", "text/html; charset=utf-8"), ("content-type", "text/javascript; charset=utf-8")
AGAIN, SHORT = ("cache-control", "no-cache"), ("cache-control", "public, max-age=300")
PAGE = b"<!doctype html><title>Shop</title>"
FRAMES = HeaderRules((("x-frame-options", "DENY"),))


class ManualClock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Site:
    def __init__(self, cloud: str, folder: Path, **rules: Any) -> None:
        (folder / "app.js").write_bytes(b"run()")
        files: Mapping[str, ServedFile] = {
            "index.html": ServedFile(PAGE, (HTML, AGAIN)),
            "help/index.html": ServedFile(b"help", (HTML, AGAIN)),
            "assets/app.js": ServedFile(folder / "app.js", (SCRIPT, SHORT)),
            "config.json": ServedFile(b'{"API_URL": "https://api.cloud.example/live"}', (AGAIN,)),
            "404.html": ServedFile(b"lost", (HTML, AGAIN)),
        }
        self.cloud, self.clock = cloud, ManualClock()
        self.rules = SiteRules(
            files, HttpResponse(404), HttpResponse(403), **{"headers": FRAMES, "cache": WORDS[cloud], **rules}
        )
        self.played = PlayedSite(self.rules, "config.json", AnswerCache(self.clock))

    async def get(self, path: str, method: str = "GET", **headers: str) -> HttpResponse:
        sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        addresses = {"https://api.cloud.example": "http://localhost:4180/shop"}
        return await self.played.answer(HttpRequest(method, path, headers=sent), addresses)


@pytest.fixture(params=list(WORDS))
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def headers_of(answer: HttpResponse) -> dict[str, str]:
    return dict(answer.headers)


class TestFiles:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/", PAGE),
            ("/index.html", PAGE),
            ("/help/", b"help"),
            ("/assets/app.js", b"run()"),
            ("/%61ssets/app.js", b"run()"),
        ],
    )
    async def test_answer_their_paths(self, cloud: str, tmp_path: Path, path: str, body: bytes) -> None:
        answer = await Site(cloud, tmp_path).get(path)

        assert (answer.status, answer.body) == (200, body)

    async def test_have_the_headers_of_their_upload_and_of_the_site(self, cloud: str, tmp_path: Path) -> None:
        received = headers_of(await Site(cloud, tmp_path).get("/assets/app.js"))

        assert received.items() >= {SCRIPT, SHORT, ("x-frame-options", "DENY")}

    @pytest.mark.parametrize("path", ["/../app.js", "/assets/../../app.js", "/%2e%2e/app.js", "//etc/hosts", "/assets"])
    async def test_outside_of_the_site_are_not_found(self, cloud: str, tmp_path: Path, path: str) -> None:
        assert (await Site(cloud, tmp_path).get(path)).status == 404

    async def test_are_not_sent_again_to_who_has_them(self, cloud: str, tmp_path: Path) -> None:
        site = Site(cloud, tmp_path)
        tag = headers_of(await site.get("/assets/app.js"))["etag"]
        answers = [await site.get("/assets/app.js", if_none_match=value) for value in (tag, f'"x", W/{tag}', '"x"')]

        assert [(answer.status, answer.body) for answer in answers] == [(304, b""), (304, b""), (200, b"run()")]

    async def test_are_announced_to_head(self, cloud: str, tmp_path: Path) -> None:
        answer = await Site(cloud, tmp_path).get("/assets/app.js", "HEAD")

        assert (answer.status, answer.body, headers_of(answer)["content-type"]) == (200, b"", SCRIPT[1])

    async def test_can_only_be_read(self, cloud: str, tmp_path: Path) -> None:
        assert (await Site(cloud, tmp_path).get("/", "POST")).status == 403

    async def test_that_are_large_are_sent_from_their_file(self, cloud: str, tmp_path: Path) -> None:
        site = Site(cloud, tmp_path)
        (tmp_path / "app.js").write_bytes(b"x" * 5_000_000)
        stored = (await site.get("/assets/app.js")).stored_body

        assert stored is not None
        assert (stored.path, stored.size) == (str(tmp_path / "app.js"), 5_000_000)


class TestMissingPaths:
    async def test_of_a_single_page_are_answered_with_it(self, cloud: str, tmp_path: Path) -> None:
        answer = await Site(cloud, tmp_path, single_page=True).get("/orders/7")

        assert (answer.status, answer.body) == (200, PAGE)

    async def test_have_the_error_page_if_there_is_one(self, cloud: str, tmp_path: Path) -> None:
        answers = [await Site(cloud, tmp_path, error_page=page).get("/lost") for page in ("404.html", "")]

        assert [(answer.status, answer.body) for answer in answers] == [(404, b"lost"), (404, b"")]


class TestVariables:
    async def test_name_addresses_of_this_machine(self, cloud: str, tmp_path: Path) -> None:
        answer = await Site(cloud, tmp_path).get("/config.json")

        assert answer.body == b'{"API_URL": "http://localhost:4180/shop/live"}'

    async def test_stand_in_headers_too(self, cloud: str, tmp_path: Path) -> None:
        policy = HeaderRules((("content-security-policy", "connect-src https://api.cloud.example"),))
        received = headers_of(await Site(cloud, tmp_path, headers=policy).get("/"))

        assert received["content-security-policy"] == "connect-src http://localhost:4180/shop"


class TestDelivery:
    async def test_keeps_files_for_their_time_and_says_since_when(self, cloud: str, tmp_path: Path) -> None:
        site, words, seen = Site(cloud, tmp_path), WORDS[cloud], []
        for pause in (0, 0, 299.5, 0.5):
            site.clock.now += pause
            received = headers_of(await site.get("/assets/app.js"))
            seen.append((received["x-cache"], received.get("age", "")))

        assert seen == [(words.miss, ""), (words.hit, "0"), (words.hit, "299"), (words.miss, "")]

    async def test_keeps_no_pages_that_ask_again(self, cloud: str, tmp_path: Path) -> None:
        site = Site(cloud, tmp_path)
        seen = [headers_of(await site.get("/"))["x-cache"] for _ in range(2)]

        assert seen == [WORDS[cloud].miss] * 2

    @pytest.mark.parametrize("content", [b"new()", None], ids=["changed", "gone"])
    async def test_has_old_files_for_their_time_after_a_deployment(
        self, cloud: str, tmp_path: Path, content: bytes | None
    ) -> None:
        site, seen = Site(cloud, tmp_path), list[tuple[int, bytes]]()
        await site.get("/assets/app.js")
        files = {name: file for name, file in site.rules.files.items() if name != "assets/app.js"}
        changed = {"assets/app.js": ServedFile(content, (SCRIPT, SHORT))} if content else {}
        site.played.rules = replace(site.rules, files={**files, **changed})
        for pause in (299, 1):
            site.clock.now += pause
            answer = await site.get("/assets/app.js")
            seen.append((answer.status, answer.body))

        assert seen == [(200, b"run()"), (200, b"new()") if content else (404, b"")]

    async def test_has_new_pages_at_once_after_a_deployment(self, cloud: str, tmp_path: Path) -> None:
        site = Site(cloud, tmp_path)
        await site.get("/")
        site.played.rules = replace(site.rules, files={"index.html": ServedFile(b"new", (HTML, AGAIN))})

        assert (await site.get("/")).body == b"new"

    async def test_is_silent_where_there_is_none(self, cloud: str, tmp_path: Path) -> None:
        assert "x-cache" not in headers_of(await Site(cloud, tmp_path, cache=None).get("/assets/app.js"))


class TestLifetimes:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("public, max-age=60", 60),
            ("max-age=60, s-maxage=5", 5),
            ("private, max-age=60", 0),
            ("no-cache", 0),
            ("", 0),
        ],
    )
    def test_are_those_of_the_answer(self, header: str, seconds: int) -> None:
        assert find_cache_lifetime_s((("Cache-Control", header),)) == seconds
