"""A real browser for tests: the Chromium of this machine, driven by its own DevTools protocol, without a driver."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STEP_TIMEOUT_S = 60.0
LOOKS, _LOOK_S = 600, 0.1
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--remote-debugging-port=0", "--remote-allow-origins=*", "--disable-component-update", "--disable-sync"),
    *("--disable-background-networking", "--disable-default-apps", "--disable-extensions", "--mute-audio"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
)


def find_browser() -> str:
    """Return the program of the browser; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(PROGRAMS)}")
    return found


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    async def visit(self, url: str) -> None:
        """Open an address; raises AssertionError where the browser cannot."""
        answer = await self._call("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page, which may be a promise."""
        answer = await self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def wait_for(self, expression: str) -> Any:
        """Return the value of an expression as soon as it is something; fails with the text of the page."""
        for _ in range(LOOKS):
            if value := await self.evaluate(expression):
                return value
            await asyncio.sleep(_LOOK_S)
        raise AssertionError(f"{expression}: {await self.evaluate('document.body.innerText')}")

    async def click(self, selector: str) -> None:
        """Click on the first element that fits, as soon as it is there."""
        await self.wait_for(f"document.querySelector({json.dumps(selector)}) !== null")
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    async def fill(self, selector: str, text: str) -> None:
        """Write into a field as a person does, so that frameworks notice."""
        await self.wait_for(f"document.querySelector({json.dumps(selector)}) !== null")
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        await self._call("Input.insertText", text=text)

    @asynccontextmanager
    async def record(self, folder: Path) -> AsyncIterator[list[str]]:
        """Record the requests of the page as long as the block, as `POST 202 http://…`.

        However the block ends, they are in `trace.json` of the folder then, and what the page looks like in
        `screenshot.png`. Headers and bodies are not recorded: they may hold secrets.
        """
        requests, methods = list[str](), dict[str, str]()

        def keep(name: str, event: Mapping[str, Any]) -> None:
            if name == "Network.requestWillBeSent":
                methods[event["requestId"]] = event["request"]["method"]
            elif name == "Network.responseReceived":
                response = event["response"]
                requests.append(f"{methods.get(event['requestId'], '?')} {response['status']} {response['url']}")

        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        self._browser.listeners[self._session] = keep
        await self._call("Network.enable")
        try:
            yield requests
        finally:
            picture = await self._call("Page.captureScreenshot", format="png")
            (folder / "screenshot.png").write_bytes(b64decode(picture["data"]))
            (folder / "trace.json").write_text(json.dumps(requests, indent=1), encoding="utf-8")

    async def _call(self, method: str, **parameters: Any) -> Any:
        return await self._browser.call(method, self._session, **parameters)


class Browser:
    """A running browser; `listeners` by session get the events of their page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self.listeners: dict[str, Callable[[str, Mapping[str, Any]], None]] = {}
        self._reading = asyncio.create_task(self._read())

    async def open_page(self) -> Page:
        """Open an empty tab."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"])
        await self.call("Page.enable", attached["sessionId"])
        return page

    async def call(self, method: str, session: str = "", **parameters: Any) -> Any:
        """Send a command and return its result."""
        self._number += 1
        waiting = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        message = {"id": self._number, "method": method, "params": parameters}
        await self._socket.send_json({**message, **({"sessionId": session} if session else {})})
        async with asyncio.timeout(STEP_TIMEOUT_S):
            answer = await waiting
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        async for message in self._socket:
            answer = json.loads(message.data)
            if waiting := self._waiting.pop(answer.get("id", 0), None):
                waiting.set_result(answer)
            elif listen := self.listeners.get(answer.get("sessionId", "")):
                listen(answer["method"], answer["params"])


@asynccontextmanager
async def open_browser(folder: Path) -> AsyncIterator[Browser]:
    """Run the browser with a profile of its own in a folder, as long as the block."""
    command = (find_browser(), *_OPTIONS, f"--user-data-dir={folder}", "about:blank")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = await _find_address(folder / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
            browser = Browser(socket)
            try:
                yield browser
            finally:
                await browser.close()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _find_address(file: Path, process: asyncio.subprocess.Process) -> str:
    """Return where the browser takes commands, which it writes into a file when it has started."""
    for _ in range(LOOKS):
        if len(lines := await asyncio.to_thread(_read_lines, file)) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        assert process.returncode is None, f"the browser ended with status {process.returncode}"
        await asyncio.sleep(_LOOK_S)
    raise AssertionError("the browser does not start")


def _read_lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
