"""Send thousands of requests through a gateway with limits, a cache, keys and tokens; exactly the allowed ones pass."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.campaigns.gateway_model import TOO_MANY, Exchange, Limit, find_limit_faults, find_wait_faults
from tests.https_server import serve_https
from tests.issuers import Issuer

REGIONS = {"aws": "us-east-1", "azure": "eastus"}
AT_ONCE = 50
_SECONDS, _SHORT_SECONDS = 300, 2
_PAGES, _DAY_S = 10, 86_400
_FOREIGN_KEY = {"aws": 429, "azure": 401}
_OUTSIDE, _INSIDE = "127.0.0.1", "127.0.0.2"
_WAIT_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Call:
    """A kind of request: its share of all, its path, what it brings, and the status within the limits."""

    share: float
    path: str
    key: str = ""
    token: str = ""
    client: str = _OUTSIDE
    status: int = 200


CALLS: Mapping[str, Call] = {
    "web": Call(0.16, "/rated/1", key="web"),
    "mobile": Call(0.10, "/rated/1", key="mobile"),
    "partner": Call(0.16, "/bulk/1", key="partner"),
    "reseller": Call(0.12, "/both/1", key="reseller"),
    "visitor": Call(0.14, "/prices/1"),
    "reader": Call(0.12, "/pages", key="reader"),
    "no key": Call(0.04, "/rated/1", status=401),
    "wrong key": Call(0.03, "/rated/1", key="nobody", status=401),
    "key of another product": Call(0.03, "/pages", key="web", status=0),
    "another address": Call(0.02, "/inside/1", status=403),
    "allowed address": Call(0.02, "/inside/1", client=_INSIDE),
    "token": Call(0.03, "/tokens/1", token="right"),
    "forged token": Call(0.02, "/tokens/1", token="forged", status=401),
    "no token": Call(0.01, "/tokens/1", status=401),
}


@dataclass(frozen=True)
class GatewayJob:
    """What to try."""

    folder: Path
    cloud: str
    count: int
    seed: int

    def find_calls(self, name: str, share: float) -> int:
        """Return a share of the calls of a kind, at least one."""
        return max(1, round(self.count * CALLS[name].share * share))

    @property
    def limits(self) -> Mapping[str, Limit]:
        """The rates that kinds of requests meet, by their names."""
        bucket = self.cloud == "aws"
        rated = Limit(self.find_calls("mobile", 0.4), _SECONDS, bucket)
        prices = Limit(self.find_calls("visitor", 0.4), _SECONDS, bucket)
        return {"web": rated, "mobile": rated, "visitor": prices}

    @property
    def quotas(self) -> Mapping[str, int]:
        """The quotas of a day that kinds of requests meet, by their names."""
        return {"partner": self.find_calls("partner", 0.4), "reseller": self.find_calls("reseller", 0.3)}


@dataclass
class GatewayResult:
    """What was seen; `faults` is empty where exactly what is allowed passed."""

    job: GatewayJob
    passed: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """Return one line about it."""
        job, limits = self.job, self.job.limits
        told = [f"{name} {self.passed[name]} of {limit}" for name, limit in limits.items()]
        told += [f"{name} {self.passed[name]} of {calls} a day" for name, calls in job.quotas.items()]
        seen = ", ".join(f"{number} x {status}" for status, number in sorted(self.statuses.items()))
        what = f"{job.cloud}: {job.count} requests in {self.seconds:.1f} s: {seen}; passed: {', '.join(told)}"
        return f"{what}; seed {job.seed}: {'; '.join(self.faults) or 'exactly what is allowed'}"


def run_gateway_job(job: GatewayJob) -> GatewayResult:
    """Deploy a gateway, serve it, send, and compare what passed with what its limits allow."""
    return _GatewayRun(job).run()


class _GatewayRun:
    def __init__(self, job: GatewayJob) -> None:
        self._job = job
        self._draw = random.Random(job.seed)
        self._result = GatewayResult(job)
        self._received: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._issuer = Issuer()
        self._variables: Mapping[str, str] = {}
        self._keys: Mapping[str, str] = {}
        self._base = f"/gateway.{job.cloud}.development.{REGIONS[job.cloud]}{'/live' if job.cloud == 'aws' else ''}"

    def run(self) -> GatewayResult:
        self._job.folder.mkdir(parents=True)
        with serve_https(self._job.folder, self._answer) as server:
            self._issuer.url, self._variables = server
            self._deploy(server.url)
            self._keys = json.loads(self._run_command("keys", "gateway", "--json"))
            with self._serve() as served:
                asyncio.run(self._send_all(f"{served}{self._base}"))
        return self._result

    def _answer(self, path: str) -> Any:
        """Answer as the backend of all APIs, or as the issuer of tokens."""
        if not path.startswith("/api/"):
            return self._issuer.fetch(f"{self._issuer.url}{path}")
        with self._lock:
            self._received[urlsplit(path).path.split("/")[2]] += 1
        return {"path": path}

    def _deploy(self, url: str) -> None:
        small = self._job.find_calls("reseller", 0.6)
        rate, prices = self._job.limits["web"], self._job.limits["visitor"]
        apis: dict[str, dict[str, Any]] = {
            "rated": {},
            "bulk": {},
            "both": {},
            "prices": {"key": False, "rate": _write(prices.calls)},
            "soon": {"key": False, "rate": _write(5, _SHORT_SECONDS)},
            "pages": {"cache": {"seconds": 3600, "query": ["page"]}},
            "inside": {"key": False, "allow_ips": [_INSIDE]},
            "tokens": {"key": False, "jwt": {"issuer": url, "audience": ["us"]}},
        }
        quotas = {name: {"calls": calls, "period": "day"} for name, calls in self._job.quotas.items()}
        products = {
            "rated": {"apis": ["rated"], "rate": _write(rate.calls)},
            "bulk": {"apis": ["bulk"], "quota": quotas["partner"]},
            "both": {"apis": ["both"], "rate": _write(small), "quota": quotas["reseller"]},
            "pages": {"apis": ["pages"]},
        }
        owners = {"web": "rated", "mobile": "rated", "partner": "bulk", "reseller": "both", "reader": "pages"}
        gateway = {
            "apis": {name: {"url": f"{url}/api/{name}", **api} for name, api in apis.items()},
            "products": products,
            "subscriptions": {name: {"product": product} for name, product in owners.items()},
        }
        components = {"gateway": {"type": "gateway", "gateway": gateway}}
        file = self._job.folder / "semantest.yaml"
        file.write_text(json.dumps({"provider": self._job.cloud, "components": components}))
        self._run_command("deploy", "gateway")

    def _run_command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "semantest_iac", *arguments]
        ended = subprocess.run(
            command,
            cwd=self._job.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed: {ended.stderr}")
        return ended.stdout

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._variables}

    @contextmanager
    def _serve(self) -> Iterator[str]:
        command = [sys.executable, "-m", "semantest_iac", "serve", "--json", "--port", "0"]
        process = subprocess.Popen(
            command,
            cwd=self._job.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout
            yield next(json.loads(line)["url"] for line in process.stdout if line.startswith('{"url"'))
        finally:
            process.terminate()
            process.communicate()

    async def _send_all(self, url: str) -> None:
        connectors = {it: aiohttp.TCPConnector(limit=AT_ONCE, local_addr=(it, 0)) for it in (_OUTSIDE, _INSIDE)}
        sessions = {it: aiohttp.ClientSession(connector=connector) for it, connector in connectors.items()}
        sender = _Sender(url, sessions, self._keys, self._issuer)
        try:
            for page in range(_PAGES):  # what several ask for at once, each may get from the backend
                await sender.send("reader", page)
            began = time.monotonic()
            days = {_find_day()}
            exchanges = await self._send_mixed(sender)
            days.add(_find_day())
            self._result.seconds = time.monotonic() - began
            self._compare(exchanges, len(days))
            await self._wait_as_told(sender)
        finally:
            for session in sessions.values():
                await session.close()

    async def _send_mixed(self, sender: _Sender) -> Mapping[str, list[Exchange]]:
        """Send all kinds in a drawn order, so many at once, and return them by kind."""
        kinds = [name for name in CALLS for _ in range(self._job.find_calls(name, 1))]
        self._draw.shuffle(kinds)
        waiting, exchanges = iter(kinds), defaultdict[str, list[Exchange]](list)

        async def work() -> None:
            for kind in waiting:
                exchanges[kind].append(await sender.send(kind, self._draw.randrange(_PAGES)))

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        return exchanges

    def _compare(self, exchanges: Mapping[str, list[Exchange]], days: int) -> None:
        result, faults = self._result, self._result.faults
        for name, seen in exchanges.items():
            result.statuses.update(it.status for it in seen)
            expected = CALLS[name].status or _FOREIGN_KEY[self._job.cloud]
            is_limited = name in self._job.limits or name in self._job.quotas
            result.passed[name] = sum(1 for it in seen if it.status == expected)
            if others := Counter(it.status for it in seen) - Counter({expected: len(seen)}):
                told = {status: number for status, number in others.items() if not (is_limited and status == TOO_MANY)}
                faults += [f"{name}: {number} x {status} in place of {expected}" for status, number in told.items()]
        for name, limit in self._job.limits.items():
            faults += find_limit_faults(name, limit, exchanges[name])
            faults += self._find_wait_faults(name, limit, exchanges[name])
        for name, calls in self._job.quotas.items():
            faults += self._find_quota_faults(name, calls, exchanges[name], days)
        faults += self._find_backend_faults(exchanges)

    def _find_wait_faults(self, name: str, limit: Limit, seen: Sequence[Exchange]) -> Iterator[str]:
        """A window says when its oldest call leaves it; API Gateway has one text for all, of the slowest bucket."""
        if not limit.is_bucket:
            if self._result.seconds < limit.seconds:
                yield from find_wait_faults(name, limit, seen)
            return
        small = Limit(self._job.find_calls("reseller", 0.6), _SECONDS, True)
        slowest = max(math.ceil(1 / it.rate) for it in (*self._job.limits.values(), small))
        told = {it.wait_s for it in seen if it.status == TOO_MANY}
        if told - {slowest}:
            yield f"{name}: Retry-After is {sorted(told)} in place of {slowest}"

    def _find_quota_faults(self, name: str, calls: int, seen: Sequence[Exchange], days: int) -> Iterator[str]:
        passed = self._result.passed[name]
        if passed not in (range(calls, calls * days + 1)):
            yield f"{name}: {passed} passed in place of {calls} a day"
        told = {it.wait_s for it in seen if it.status == TOO_MANY}
        if self._job.cloud == "azure" and days == 1 and name == "partner":
            left = _DAY_S - datetime.now(UTC).timestamp() % _DAY_S
            if not all(left - 1 <= it <= left + self._result.seconds + 1 for it in told):
                yield f"{name}: Retry-After is {sorted(told)[:5]} in place of about {left:.0f}"

    def _find_backend_faults(self, exchanges: Mapping[str, list[Exchange]]) -> Iterator[str]:
        """The backend got what passed and nothing else; of what is kept, each page once."""
        expected: Counter[str] = Counter()
        for name, seen in exchanges.items():
            expected[CALLS[name].path.split("/")[1]] += sum(1 for it in seen if it.status == 200)
        expected["pages"] = _PAGES
        for api in sorted(expected.keys() | self._received.keys()):
            if expected[api] != self._received[api]:
                yield f"{api}: the backend got {self._received[api]} requests in place of {expected[api]}"

    async def _wait_as_told(self, sender: _Sender) -> None:
        """After the time that a refusal named, one more passes."""
        path, end = "/soon/1", time.monotonic() + _WAIT_LIMIT_S
        while (refused := await sender.send_to(path)).status != TOO_MANY:
            if time.monotonic() > end:
                self._result.faults.append("soon: nothing was refused")
                return
        await asyncio.sleep(refused.wait_s)
        if (again := await sender.send_to(path)).status != 200:
            self._result.faults.append(f"soon: {again.status} after {refused.wait_s} s, which Retry-After said")


class _Sender:
    """Sends requests of each kind, and measures when."""

    def __init__(
        self, url: str, sessions: Mapping[str, aiohttp.ClientSession], keys: Mapping[str, str], issuer: Issuer
    ) -> None:
        self._url = url
        self._sessions = sessions
        self._keys = keys
        self._tokens = {"right": issuer.sign(exp=time.time() + _DAY_S)}
        self._tokens["forged"] = issuer.sign("2", exp=time.time() + _DAY_S)

    async def send(self, kind: str, page: int) -> Exchange:
        call = CALLS[kind]
        headers = {"x-api-key": self._keys.get(call.key, "nobody's")} if call.key else {}
        headers |= {"authorization": f"Bearer {self._tokens[call.token]}"} if call.token else {}
        path = f"/pages?page={page}" if call.path == "/pages" else call.path
        return await self.send_to(path, headers, call.client)

    async def send_to(self, path: str, headers: Mapping[str, str] = {}, client: str = _OUTSIDE) -> Exchange:
        sent = time.monotonic()
        async with self._sessions[client].get(f"{self._url}{path}", headers=headers) as answer:
            await answer.read()
            return Exchange(sent, time.monotonic(), answer.status, int(answer.headers.get("retry-after", 0)))


def _write(calls: int, seconds: int = _SECONDS) -> dict[str, int]:
    return {"calls": calls, "seconds": seconds}


def _find_day() -> str:
    return datetime.now(UTC).date().isoformat()


def main(arguments: Sequence[str]) -> int:
    """Run on both clouds, print a line for each, and return 1 where something else passed than is allowed."""
    parser = argparse.ArgumentParser("make campaign gateway", description=__doc__)
    parser.add_argument("--count", type=int, default=5000, help="requests")
    parser.add_argument("--cloud", choices=REGIONS, help="one cloud only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0, help="ignored: the clouds take turns")
    options = parser.parse_args(arguments)
    faults = 0
    with TemporaryDirectory() as name:
        for cloud in [options.cloud] if options.cloud else REGIONS:
            result = run_gateway_job(GatewayJob(Path(name) / cloud, cloud, options.count, options.seed))
            print(result.describe(), flush=True)
            faults += len(result.faults)
    return int(faults > 0)
