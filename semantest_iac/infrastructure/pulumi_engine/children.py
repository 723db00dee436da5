"""Gives orders to children: prepares the run of each, and sees that nothing of it is left."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.domain.ports.provisioner import Work
from semantest_iac.domain.security.app_secrets import AppSecret
from semantest_iac.infrastructure.pulumi_engine.cli_location import locate
from semantest_iac.infrastructure.pulumi_engine.conversation import Child, started
from semantest_iac.infrastructure.pulumi_engine.processes import MARK
from semantest_iac.infrastructure.pulumi_engine.runs import Run, running
from semantest_iac.infrastructure.pulumi_engine.site import Site
from semantest_iac.infrastructure.pulumi_engine.tasks import Order, Recovery, Task

Attach = Callable[[], AbstractAsyncContextManager[str]]
"""Opens providers of our own for one run; gives them in the form of PULUMI_DEBUG_PROVIDERS, `name:port,…`."""

Message = Mapping[str, Any]
Hear = Callable[[Message], Awaitable[None]]

_FAMILIES = ("ARM_", "AWS_", "AZURE_", "LC_")
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

    async def carry_out(self, order: Order, hear: Hear | None = None, recovery: Recovery | None = None) -> Message:
        """The child's last message; every earlier one is heard first, and a hearer that raises ends the child."""
        cli = locate(self.variables)
        with running(self.site.folder / "runs") as run:
            environment = self._environment(run)
            async with started(run, environment) as child, self._attached() as providers:
                task = Task(
                    order=replace(order, recovery=recovery),
                    site=self.site,
                    cli=cli,
                    home=run.home,
                    folder=run.work,
                    environment=environment,
                    secrets={key: self.secret_value(key) for key in _secret_keys(order.work)},
                    providers=providers,
                )
                return await _last_message(child, task, hear)

    def _attached(self) -> AbstractAsyncContextManager[str]:
        return self.attach() if self.attach else nullcontext("")

    def _environment(self, run: Run) -> dict[str, str]:
        given = self.variables.items()
        passed = {name: value for name, value in given if name in _PASSED or name.startswith(_FAMILIES)}
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
    async with child.at_work_on(task) as messages:
        async for message in messages:
            if not message.keys() & {"tick", "settled"}:
                return message
            if hear:
                await hear(message)
        raise await child.died()


def _secret_keys(work: Work | None) -> list[str]:
    """The secrets that the program of this work asks for, sorted."""
    resources = work.blueprint.resources if work else ()
    return sorted({resource.key for resource in resources if isinstance(resource, AppSecret)})
