"""Services run as processes: ports, probes, restarts, versions, scaling, logs, and their end."""

from __future__ import annotations

import asyncio
import shutil
import urllib.error
import urllib.request
from asyncio import to_thread
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.compute.containers import ServiceScaling
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.local_service.containers.service_spec import ServiceUnreachableError
from tests.integration.local_service.containers.conftest import STACK, Services
from tests.integration.local_service.messaging.conftest import wait_until

_SECRET = "a-secret-of-some-length"
_NODE_SERVER = """
const http = require('node:http')
http.createServer((request, response) => response.end(JSON.stringify({ path: request.url, pid: process.pid })))
  .listen(process.env.PORT)
"""


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class TestRequests:
    async def test_reach_the_process_with_their_method_headers_and_body(self, services: Services) -> None:
        services.add(environment={"PORT": "8080", "LIMIT": "5"})
        headers = (("x-one", "1"), ("connection", "close"))
        request = HttpRequest("POST", "/a%20b", headers=headers, body=b"text", client="10.0.0.9", raw_query="c=1&c=2")

        async with services.run() as containers:
            response = await containers.call(STACK, "orders-api", request)
            facts = await services.ask("/x")

        assert response.status == 200
        assert [value for name, value in response.headers if name == "set-cookie"] == ["a=1", "b=2"]
        assert '"path": "/a%20b?c=1&c=2"' in response.body.decode()
        assert '"body": "text"' in response.body.decode()
        assert '"x-forwarded-for": "10.0.0.9"' in response.body.decode()
        assert facts["variables"]["LIMIT"] == "5"
        assert facts["variables"]["PORT"] != "8080"
        assert Path(facts["variables"]["HOME"]) != Path.home()

    async def test_reach_the_process_with_headers_in_any_language(self, services: Services) -> None:
        services.add()

        async with services.run() as containers:
            request = HttpRequest("GET", "/a", headers=(("x-price", "5 \u20ac"),))

            assert (await containers.call(STACK, "orders-api", request)).status == 200

    async def test_reach_services_in_node(self, services: Services) -> None:
        if shutil.which("node") is None:
            pytest.skip("node is not on the PATH")
        (services.folder / "server.js").write_text(_NODE_SERVER)
        services.add(command=("node", "server.js"))

        async with services.run():
            assert (await services.ask("/orders/7?a=1"))["path"] == "/orders/7?a=1"

    async def test_at_the_own_address_come_from_programs_and_not_from_pages(self, services: Services) -> None:
        services.add()
        services.add("shop", is_public=True)

        async with services.run() as containers:
            await containers.refresh()

            async def ask(service: str, **headers: str) -> int:
                url = f"{await containers.find_address(STACK, service)}/a"

                def send() -> int:
                    try:
                        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                            return int(answer.status)
                    except urllib.error.HTTPError as error:
                        return error.code

                return await to_thread(send)

            page = {"Origin": "https://example.org"}
            statuses = [await ask("orders-api"), await ask("orders-api", **page), await ask("shop", **page)]
            other_host = await ask("shop", Host="example.org")

        assert statuses == [200, 403, 200]
        assert other_host == 403

    async def test_to_what_does_not_run_say_why(self, services: Services) -> None:
        services.add(folder=None, fault="the image needs a container engine")

        async with services.run() as containers:
            for service, reason in (("orders-api", "container engine"), ("users-api", "no service 'users-api'")):
                with pytest.raises(ServiceUnreachableError, match=reason):
                    await containers.call(STACK, service, HttpRequest("GET", "/"))

        assert services.list_texts(failures=True) == ["the image needs a container engine"]


class TestInstances:
    async def test_are_replaced_when_they_end(self, services: Services) -> None:
        services.add()

        async with services.run():
            first = (await services.ask())["pid"]
            with pytest.raises(ServiceUnreachableError):
                await services.ask("/end")
            await wait_until(lambda: services.list_texts().count("runs 1 instance") == 2)
            second = (await services.ask())["pid"]

        assert first != second
        assert services.list_texts(failures=True) == ["ended with status 3"]

    async def test_whose_program_is_not_there_say_so(self, services: Services) -> None:
        services.add(command=("nodee", "server.js"))
        services.add("users-api", command=("./start.sh",))
        services.add("prices-api", command=("./server.sh",))
        (services.folder / "server.sh").touch()

        async with services.run():
            await wait_until(lambda: len(set(services.list_texts(failures=True))) == 3)

        texts = set(services.list_texts(failures=True))
        assert any("no program 'nodee' on the PATH" in text for text in texts)
        assert any("no file './start.sh' in the folder" in text for text in texts)
        assert any("'./server.sh' is not executable: chmod +x" in text for text in texts)

    async def test_that_end_again_and_again_start_later_though_they_were_ready(self, services: Services) -> None:
        services.times = replace(services.times, restart_s=600, longest_restart_s=600, steady_s=600)
        services.add()

        async with services.run():
            for ends in (1, 2):
                with pytest.raises(ServiceUnreachableError):
                    await services.ask("/end")
                await wait_until(lambda: len(services.list_texts(failures=True)) == ends)  # noqa: B023
            with pytest.raises(ServiceUnreachableError, match="started again soon"):
                await services.ask()

    async def test_are_replaced_when_they_are_not_healthy(self, services: Services) -> None:
        services.add()

        async with services.run():
            await services.ask()
            (services.folder / "unhealthy").touch()
            await wait_until(lambda: bool(services.list_texts(failures=True)))
            (services.folder / "unhealthy").unlink()
            await services.ask()

        assert services.list_texts(failures=True)[0] == "answered /health with 500, 3 times in a row"

    async def test_that_cannot_start_are_tried_again_and_their_log_says_why(self, services: Services) -> None:
        (services.folder / "broken").touch()
        services.add()

        async with services.run():
            with pytest.raises(ServiceUnreachableError):
                await services.ask()
            await wait_until(lambda: len(services.list_texts(failures=True)) >= 3)
            (services.folder / "broken").unlink()
            await wait_until(lambda: "runs 1 instance" in services.list_texts())
            await services.ask()

        assert "cannot start as asked" in services.read_log()

    async def test_without_a_program_are_reported(self, services: Services) -> None:
        services.add(command=("no-such-program-here",))

        async with services.run():
            await wait_until(lambda: bool(services.list_texts(failures=True)))

    async def test_of_a_new_version_take_over_when_they_are_ready(self, services: Services) -> None:
        services.add(environment={"VERSION": "1"})

        async with services.run():
            assert (await services.ask())["variables"]["VERSION"] == "1"
            (services.folder / "broken").touch()
            services.add(environment={"VERSION": "2"})
            await wait_until(lambda: bool(services.list_texts(failures=True)))
            during = (await services.ask())["variables"]["VERSION"]
            (services.folder / "broken").unlink()

            async def has_taken_over() -> bool:
                return bool((await services.ask())["variables"]["VERSION"] == "2")

            await wait_until(has_taken_over)

        assert during == "1"

    async def test_answer_what_they_got_before_they_go(self, services: Services) -> None:
        services.add(environment={"VERSION": "1"})
        services.times = replace(services.times, stop_s=60)

        async with services.run():
            await services.ask()
            waiting = asyncio.create_task(services.ask("/wait"))
            await asyncio.sleep(0)
            services.add(environment={"VERSION": "2"})

            async def has_taken_over() -> bool:
                return bool((await services.ask())["variables"]["VERSION"] == "2")

            await wait_until(has_taken_over)
            (services.folder / "go").touch()

            assert (await waiting)["variables"]["VERSION"] == "1"

    async def test_end_with_the_block_and_so_does_what_they_have_started(self, services: Services) -> None:
        services.add()

        async with services.run():
            pid = (await services.ask())["pid"]
            child = int((services.folder / f"child-{pid}").read_text())
            assert _is_running(child)

        await wait_until(lambda: not _is_running(pid) and not _is_running(child))

    async def test_end_with_their_stack(self, services: Services) -> None:
        services.add()

        async with services.run() as containers:
            pid = (await services.ask())["pid"]
            services.specs.clear()
            await wait_until(lambda: not _is_running(pid))
            with pytest.raises(ServiceUnreachableError, match="no service"):
                await containers.call(STACK, "orders-api", HttpRequest("GET", "/"))

    async def test_write_to_the_log_without_values_of_secrets(self, services: Services) -> None:
        services.add(environment={"TOKEN": _SECRET}, secrets=frozenset({_SECRET}))

        async with services.run():
            await services.ask("/orders")

            await wait_until(lambda: "/orders ***" in services.read_log())

        assert _SECRET not in services.read_log()


class TestScaling:
    async def test_goes_to_zero_and_a_request_brings_one_back(self, services: Services) -> None:
        services.add(scaling=ServiceScaling(minimum=0, maximum=2, concurrent_requests=5))

        async with services.run():
            first = (await services.ask())["pid"]
            await wait_until(lambda: services.list_texts()[-1] == "runs no instance")
            await wait_until(lambda: not _is_running(first))
            second = (await services.ask())["pid"]

        assert first != second

    async def test_follows_requests_at_once(self, services: Services) -> None:
        services.add(scaling=ServiceScaling(minimum=1, maximum=2, concurrent_requests=1))

        async with services.run():
            await services.ask()
            waiting = [asyncio.create_task(services.ask(f"/wait/{number}")) for number in range(3)]
            await wait_until(lambda: "runs 2 instances" in services.list_texts())
            later = asyncio.create_task(services.ask("/wait/4"))
            await asyncio.sleep(0)
            (services.folder / "go").touch()
            answers = await asyncio.gather(*waiting, later)
            await wait_until(lambda: services.list_texts()[-1] == "runs 1 instance")

        assert len({it["pid"] for it in answers}) == 2

    async def test_follows_waiting_messages(self, services: Services) -> None:
        services.add(scaling=ServiceScaling(minimum=0, maximum=2), queues={"orders-queue": 10})

        async with services.run():
            await wait_until(lambda: bool(services.reports))
            assert not [text for text in services.list_texts() if text.startswith("runs")]
            services.waiting["orders-queue"] = 11
            await wait_until(lambda: "runs 2 instances" in services.list_texts())
            services.waiting["orders-queue"] = 0
            await wait_until(lambda: services.list_texts()[-1] == "runs no instance")
