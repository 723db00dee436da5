"""Send messages, some of them poison, to functions that `serve` calls while it is killed; none is lost."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.messaging.messages import SentMessage

CLOUDS = ("aws", "azure")
POISON_SHARE = 0.05
_MOST_DELIVERIES, _LOCK_S, _GROUPS = 3, 5, 5
_LIMIT_S = 900.0
_SENT_AT_ONCE = 100
_QUEUE, _ORDERED = "orders-queue", "steps-queue"
_SERVICE = """\
import os

def handler(event, context):
    failed = []
    with open(os.environ["HANDLED"], "a", buffering=1) as file:
        for record in event["Records"]:
            file.write(record["body"] + "\\n")
            if record["body"].startswith("poison"):
                failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
"""


@dataclass(frozen=True)
class MessageJob:
    """What to try; a tenth of the messages goes to a queue that keeps the order of groups."""

    folder: Path
    cloud: str
    count: int
    kills: int
    seed: int


@dataclass
class MessageResult:
    """What was seen; `faults` is empty where every promise held."""

    job: MessageJob
    handled: int = 0
    repeated: int = 0
    dead: int = 0
    kills: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """Return one line about it."""
        job = self.job
        seen = f"{self.handled} handled, {self.repeated} of them again after a kill, {self.dead} dead letters"
        what = f"{job.cloud}: {job.count} messages, {self.kills} kills: {seen}"
        return f"{what}, {self.seconds:.0f} s, seed {job.seed}: {'; '.join(self.faults) or 'as promised'}"


def run_message_job(job: MessageJob) -> MessageResult:
    """Deploy two queues with functions, send, serve and kill; then compare what was handled with what was sent."""
    return _MessageRun(job).run()


class _MessageRun:
    def __init__(self, job: MessageJob) -> None:
        self._job = job
        self._draw = random.Random(job.seed)
        self._home, self._log = job.folder / ".semantest", job.folder / "handled"
        self._messages = Application(self._home).local_messages({})
        self._stack = f"workers.{job.cloud}.development.{'us-east-1' if job.cloud == 'aws' else 'eastus'}"

    def run(self) -> MessageResult:
        began, result = time.monotonic(), MessageResult(self._job)
        self._deploy()
        plain, ordered = self._draw_messages()
        asyncio.run(self._send(_QUEUE, plain))
        asyncio.run(self._send(_ORDERED, ordered))
        self._serve_with_kills(result)
        dead = [body for queue in (_QUEUE, _ORDERED) for body in asyncio.run(self._receive_dead(queue))]
        self._compare(result, [it.body for it in plain], [it.body for it in ordered], dead)
        result.seconds = time.monotonic() - began
        return result

    def _deploy(self) -> None:
        folder = self._job.folder
        (folder / "workers").mkdir(parents=True)
        (folder / "workers" / "work.py").write_text(_SERVICE)
        queue = {"max_deliveries": _MOST_DELIVERIES, "lock_s": _LOCK_S}
        function = {"handler": "work.handler", "timeout": 3, "environment": {"HANDLED": str(self._log)}}
        component = {
            "type": "functions",
            "source": "./workers",
            "queues": {_QUEUE: queue, _ORDERED: {**queue, "ordered": True}},
            "functions": {
                "orders-worker": {**function, "trigger": {"queue": _QUEUE}},
                "steps-worker": {**function, "trigger": {"queue": _ORDERED}},
            },
        }
        (folder / "semantest.yaml").write_text(
            json.dumps({"provider": self._job.cloud, "components": {"workers": component}})
        )
        command = [sys.executable, "-m", "semantest_iac", "deploy", "workers", "--json"]
        subprocess.run(command, cwd=folder, env=_environment(), check=True, capture_output=True, timeout=300)

    def _draw_messages(self) -> tuple[list[SentMessage], list[SentMessage]]:
        count = self._job.count
        in_order = count // 10
        plain = [
            SentMessage(f"{'poison' if self._draw.random() < POISON_SHARE else 'good'}-{number}")
            for number in range(count - in_order)
        ]
        groups = [f"group{self._draw.randrange(_GROUPS)}" for _ in range(in_order)]
        return plain, [SentMessage(f"step-{group}-{number}", group=group) for number, group in enumerate(groups)]

    async def _send(self, queue: str, messages: Sequence[SentMessage]) -> None:
        for start in range(0, len(messages), _SENT_AT_ONCE):
            await self._messages.send([self._stack], messages[start : start + _SENT_AT_ONCE], queue=queue)

    def _serve_with_kills(self, result: MessageResult) -> None:
        """Serve until the queues are empty; kill it each time that a drawn share of the messages was handled."""
        end = time.monotonic() + _LIMIT_S
        moments = sorted(self._draw.randrange(1, self._job.count) for _ in range(self._job.kills))
        for moment in moments:
            with self._serve() as process:
                while self._count_handled() < moment and not self._is_done() and time.monotonic() < end:
                    time.sleep(0.02)
                process.kill()
                result.kills += 1
        with self._serve():
            while not self._is_done():
                if time.monotonic() > end:
                    result.faults.append(f"the queues were not empty after {_LIMIT_S:.0f} s")
                    return
                time.sleep(0.3)

    @contextmanager
    def _serve(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "semantest_iac", "serve", "--port", "0"]
        nowhere = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=self._job.folder, env=_environment(), stdout=nowhere, stderr=nowhere)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    def _count_handled(self) -> int:
        return len(self._log.read_bytes().splitlines()) if self._log.exists() else 0

    def _is_done(self) -> bool:
        return asyncio.run(self._count_left()) == 0

    async def _count_left(self) -> int:
        left = 0
        for queue in (_QUEUE, _ORDERED):
            received = await self._messages.receive(
                [self._stack], queue, most=1, wait_s=0, keeps=True, dead_letters=False
            )
            left += received.left.waiting + received.left.locked + received.left.delayed
        return left

    async def _receive_dead(self, queue: str) -> list[str]:
        bodies: list[str] = []
        while True:
            received = await self._messages.receive(
                [self._stack], queue, most=1000, wait_s=0, keeps=False, dead_letters=True
            )
            if not received.messages:
                return bodies
            bodies += [it.body for it in received.messages]
            await self._messages.delete(received)

    def _compare(
        self, result: MessageResult, plain: Sequence[str], ordered: Sequence[str], dead: Sequence[str]
    ) -> None:
        handled = Counter(self._log.read_text().splitlines())
        good = {body for body in (*plain, *ordered) if not body.startswith("poison")}
        poison, tries = {*plain} - good, {handled[body] for body in plain if body.startswith("poison")}
        result.handled, result.dead = len(good & handled.keys()), len(dead)
        result.repeated = sum(1 for body in good if handled[body] > 1)
        faults = {
            "lost": good - handled.keys() - {*dead},
            "not dead letters": poison - {*dead},
            "unknown": handled.keys() - good - poison,
            "dead letters more than once": {body for body, times in Counter(dead).items() if times > 1},
        }
        if not self._job.kills:
            faults["handled more than once"] = {body for body in good if handled[body] > 1}
            faults["dead letters though good"] = good & {*dead}
        result.faults += [f"{what}: {', '.join(sorted(found)[:5])}" for what, found in faults.items() if found]
        most, least = max(tries, default=_MOST_DELIVERIES), min(tries, default=_MOST_DELIVERIES)
        if most > _MOST_DELIVERIES or (not self._job.kills and least < _MOST_DELIVERIES):
            result.faults.append(f"poison was tried {least} to {most} times in place of {_MOST_DELIVERIES}")
        begun = [body for body in ordered if body in handled]  # the others became dead letters by kills
        if not _is_in_order(self._log.read_text().splitlines(), begun):
            result.faults.append("a group was not handled in its order")


def _is_in_order(handled: Sequence[str], sent: Sequence[str]) -> bool:
    """Whether each group was begun in the order of sending; what came again after a kill counts once."""
    wanted, seen = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for bodies, groups in ((sent, wanted), (dict.fromkeys(it for it in handled if it.startswith("step")), seen)):
        for body in bodies:
            groups[body.split("-")[1]].append(body)
    return wanted == seen


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def main(arguments: Sequence[str]) -> int:
    """Run on both clouds, without and with kills, print a line for each, and return 1 where a promise was broken."""
    parser = argparse.ArgumentParser("make campaign messages", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="messages")
    parser.add_argument("--kills", type=int, default=5, help="of `serve`, in the second run of each cloud")
    parser.add_argument("--cloud", choices=CLOUDS, help="one cloud only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="runs side by side")
    options = parser.parse_args(arguments)
    clouds = [options.cloud] if options.cloud else CLOUDS
    tried = [(cloud, kills) for cloud in clouds for kills in dict.fromkeys((0, options.kills))]
    with TemporaryDirectory() as name, ThreadPoolExecutor(options.workers) as threads:
        jobs = [
            MessageJob(Path(name) / f"{cloud}-{kills}", cloud, options.count, kills, options.seed)
            for cloud, kills in tried
        ]
        faults = 0
        for result in threads.map(run_message_job, jobs):
            print(result.describe(), flush=True)
            faults += len(result.faults)
    return int(faults > 0)
