"""The sub-commands of PythonEDA applications that request infrastructure: `update`, `remove` and `listen`.

PythonEDA's command line requires a sub-command, and calls the first of its ports alone; each of these is one.
"""

from __future__ import annotations

import abc
import argparse
from typing import Any, Protocol

from pythoneda.shared.iac import events as iac_events
from pythoneda.shared.infrastructure.cli import CliHandler


class RequestingApp(Protocol):
    """An application that takes requests from its command line."""

    async def accept_infrastructure_request(self, event: Any) -> None:
        """Take the request, and show the answer."""
        ...

    def accept_listening(self) -> None:
        """Go on after the ports of the application are done."""
        ...


class _RequestCommand(CliHandler, abc.ABC):
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the parts of a request, with the options that PythonEDA's tools of infrastructure have for them."""
        parser.add_argument("-s", "--stack", required=True, help="rest-api.aws.dev.us-east-1, aws-dev or dev")
        parser.add_argument("-p", "--project", default="semantest", help="the project (default: semantest)")
        parser.add_argument("-l", "--location", default="", help="the region, such as us-east-1 or westeurope")
        parser.add_argument(
            "-m",
            "--metadata",
            action="append",
            default=[],
            type=_parse_metadata,
            metavar="KEY=VALUE",
            help="component=rest-api, provider=aws or configuration=JSON; may be repeated",
        )

    async def handle(self, app: RequestingApp, args: argparse.Namespace) -> None:
        """Give the application the request."""
        request = self.build_request(args.stack, args.project, args.location, dict(args.metadata))
        await app.accept_infrastructure_request(request)

    @abc.abstractmethod
    def build_request(self, stack: str, project: str, location: str, metadata: dict[str, str]) -> Any:
        """Return the event that the command stands for."""


class UpdateCommand(_RequestCommand):
    """Requests the update of a stack."""

    def __init__(self) -> None:
        super().__init__("Update the infrastructure of a stack", "update")

    def build_request(self, stack: str, project: str, location: str, metadata: dict[str, str]) -> Any:
        return iac_events.InfrastructureUpdateRequested(stack, project, location, metadata)


class RemoveCommand(_RequestCommand):
    """Requests the removal of a stack."""

    def __init__(self) -> None:
        super().__init__("Remove the infrastructure of a stack", "remove")

    def build_request(self, stack: str, project: str, location: str, metadata: dict[str, str]) -> Any:
        return iac_events.InfrastructureRemovalRequested(stack, project, location, metadata)


class ListenCommand(CliHandler):
    """Carries out what other ports and machines request, until the process is told to stop."""

    def __init__(self) -> None:
        super().__init__("Carry out requests until SIGTERM or Ctrl-C", "listen")

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """There are none."""

    async def handle(self, app: RequestingApp, args: argparse.Namespace) -> None:
        """Let the application go on: ports with a lower priority have yet to start."""
        app.accept_listening()


def _parse_metadata(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not (key and separator):
        raise argparse.ArgumentTypeError(f"write '{text}' as KEY=VALUE")
    return key, value
