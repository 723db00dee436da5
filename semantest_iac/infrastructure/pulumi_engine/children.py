"""Gives orders to children: prepares the run of each, and sees that nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.domain.ports.provisioner import Work
from semantest_iac.domain.security.app_secrets import AppSecret
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pulumi_engine.cli_location import Cli, locate
from semantest_iac.infrastructure.pulumi_engine.conversation import Child, started
from semantest_iac.infrastructure.pulumi_engine.processes import MARK
from semantest_iac.infrastructure.pulumi_engine.runs import Run, running
from semantest_iac.infrastructure.pulumi_engine.site import Site
from semantest_iac.infrastructure.pulumi_engine.tasks import Order, Recovery, Task
from semantest_iac.infrastructure.pulumi_engine.workplaces import Waiting, Workplace

Attach = Callable[[str], AbstractAsyncContextManager[str]]
"""Opens a provider of our own for one run on a cloud; gives it in the form of PULUMI_DEBUG_PROVIDERS, `name:port,…`."""

Message = Mapping[str, Any]
Hear = Callable[[Message], Awaitable[None]]

_FAMILIES = ("ARM_", "AWS_", "AZURE_", "LC_")  # backends lie in clouds too
_PASSED = {
    "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "NO_PROXY", "PATH", "PULUMI_ACCESS_TOKEN", "PYTHONDONTWRITEBYTECODE",
    "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "https_proxy", "http_proxy", "no_proxy",
}  # fmt: skip
_QUIET = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",  # parallel runs would delete each other's downloads
}


@dataclass(frozen=True, slots=True)
class Children:
    """One child per order. `variables` are the parent's; a child gets those that programs and clouds need."""

    site: Site
    secret_value: Callable[[str], str]
    attach: Attach | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    waiting: Waiting = field(default_factory=Waiting)

    async def carry_out(self, order: Order, hear: Hear | None = None, recovery: Recovery | None = None) -> Message:
        """The child's last message; every earlier one is heard first, and a hearer that raises ends the child.

        After a preview the child stays for a while: an apply that follows at once starts half a second earlier.
        """
        cli = locate(self.variables)
        place = await self.waiting.taken(order.stack) or await self._opened(order.stack.provider)
        is_done = False
        try:
            last = await _last_message(place.child, self._task(replace(order, recovery=recovery), cli, place), hear)
            is_done = order.operation == "preview" and "done" in last
            return last
        finally:
            if is_done:
                self.waiting.keep(order.stack, place)
            else:
                await asyncio.shield(place.leave())

    def _task(self, order: Order, cli: Cli, place: Workplace) -> Task:
        return Task(
            order=order,
            site=self.site,
            cli=cli,
            home=place.run.home,
            folder=place.run.work,
            environment=place.environment,
            secrets={key: self.secret_value(key) for key in _secret_keys(order.work)},
            providers=place.providers,
        )

    async def _opened(self, provider: str) -> Workplace:
        async with AsyncExitStack() as opening:
            run = opening.enter_context(running(self.site.folder / "runs"))
            environment = self._environment(run, provider)
            child = await opening.enter_async_context(started(run, environment))
            providers = await opening.enter_async_context(self._attached(provider))
            opening.push_async_callback(child.dismiss, self.site.grace_s)
            return Workplace(run, child, environment, providers, opening.pop_all().aclose)

    def _attached(self, provider: str) -> AbstractAsyncContextManager[str]:
        return self.attach(provider) if self.attach else nullcontext("")

    def _environment(self, run: Run, provider: str) -> dict[str, str]:
        given, families = self.variables.items(), (*_FAMILIES, *CLOUDS[provider].families)
        passed = {name: value for name, value in given if name in _PASSED or name.startswith(families)}
        folders = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100 - "" means here
        if self.site.plugins:
            (run.home / "plugins").symlink_to(self.site.plugins.absolute(), target_is_directory=True)
        return {
            **passed,
            **_QUIET,
            **self.site.variables,
            MARK: run.mark,
            "PYTHONPATH": folders,
            "PYTHONUTF8": "1",
        }


async def _last_message(child: Child, task: Task, hear: Hear | None) -> Message:
    async for message in child.asked(task):
        if not message.keys() & {"tick", "settled"}:
            return message
        if hear:
            await hear(message)
    raise await child.died()


def _secret_keys(work: Work | None) -> list[str]:
    """The secrets that the program of this work asks for, sorted."""
    resources = work.blueprint.resources if work else ()
    return sorted({resource.key for resource in resources if isinstance(resource, AppSecret)})
