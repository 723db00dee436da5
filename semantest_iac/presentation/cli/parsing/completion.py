"""Completes the values of arguments and options in the shell: it imports little, never fails and prints no error."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.environments.names import (
    ACCOUNT_COMPONENT,
    ALL_COMPONENTS,
    COMPONENT_TYPES,
    ENVIRONMENTS,
    PROVIDERS,
)
from semantest_iac.presentation.cli.session import DEFAULT_HOME, STANDARD_FILE
from semantest_iac.presentation.cli.terminal import CliContext

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from semantest_iac.presentation.cli.application import CliApplication

HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
MOST_DEPLOYMENTS = 50
MOST_BYTES = 1024 * 1024

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]
FindChoices = Callable[["Surroundings"], Iterable[tuple[str, str]]]
_KEY = re.compile(r"""(["']?)([A-Za-z0-9_-]+)\1\s*:""")


class Surroundings:
    """What can be read about the folder and the home in which a command is typed."""

    def __init__(self, context: click.Context) -> None:
        self._context = context

    @property
    def application(self) -> CliApplication:
        """The application under the home that was typed."""
        found = self._context.find_object(CliContext)
        assert found is not None  # noqa: S101  # run_cli() passes one
        home = self.given("home") or os.environ.get("SEMANTEST_HOME") or DEFAULT_HOME
        return found.application_at(Path(str(home)))

    def given(self, name: str) -> Any:
        """Return the value of an option that was typed."""
        return self._context.params.get(name)

    def list_keys(self, section: str) -> list[str]:
        """Return the keys of a section of the configuration file; none if there is no file."""
        path = Path(str(self.given("config") or STANDARD_FILE))
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                return list(_find_keys(file.read(MOST_BYTES), section))
        except OSError:
            return []


def complete_with(*finders: FindChoices) -> Complete:
    """Return the function that completes a parameter with what the finders find, each with its description."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found: dict[str, str] = {}
        for find in finders:
            try:
                found = dict(find(Surroundings(context))) | found
            except Exception:  # noqa: S112  # a shell shows nothing but completions
                continue
        fitting = [name for name in found if name.lower().startswith(incomplete.lower())]
        return [CompletionItem(name, help=found[name] or None) for name in fitting]

    return complete


def find_deployable_components(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the components that can be deployed: those of the configuration, and the bundled ones."""
    for name in around.list_keys("components"):
        yield name, f"in {STANDARD_FILE}"
    for name in COMPONENT_TYPES:
        yield name, ""
    yield ACCOUNT_COMPONENT, "settings of the cloud account"


def find_all_word(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the word for every component."""
    yield ALL_COMPONENTS, "every component"


def find_recorded_components(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the components of all stacks that were ever deployed."""
    from semantest_iac.domain.deployment.stack import Stack

    for row in around.application.ledger.stacks():
        yield Stack.parse(row.stack).component, ""


def find_stack_names(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the full names of all stacks that were ever deployed."""
    for row in around.application.ledger.newest():
        yield row.stack, f"{row.kind} {row.state}"


def find_queue_names(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the queues of all deployed stacks, by the names of their outputs."""
    yield from _find_output_names(around, "queue")


def find_topic_names(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the topics of all deployed stacks, by the names of their outputs."""
    yield from _find_output_names(around, "topic")


def _find_output_names(around: Surroundings, kind: str) -> Iterator[tuple[str, str]]:
    for row in around.application.ledger.stacks():
        for output in row.outputs:
            match = re.fullmatch(rf"messaging_{kind}_(.+)|{kind}_(.+)_address", output)
            if match:
                yield (match[1] or match[2]).replace("_", "-"), f"of {row.stack}"


def find_deployment_ids(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the newest deployments."""
    for row in around.application.ledger.deployments(limit=MOST_DEPLOYMENTS):
        yield row.deployment, f"{row.kind} {row.stack} {row.state}"


def find_holding_deployments(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the deployments that hold stacks."""
    for row in around.application.ledger.stacks():
        if row.held_by:
            yield row.held_by, f"holds {row.stack}"


def find_waiting_deployments(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the deployments whose plans wait for an approval."""
    for plan in around.application.approvals({}).list_waiting():
        yield plan.deployment, f"{plan.kind} of {plan.stack}"


def find_canaries(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the deployments whose new version has a share of the traffic."""
    for shared in around.application.shared_traffic({}).list_shared():
        yield shared.deployment, f"{shared.shifted.weight} % of {shared.stack}"


def find_event_sources(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the sources of events that the configuration has."""
    for name in around.list_keys("event_sources"):
        yield name, f"in {STANDARD_FILE}"


def find_dead_letters(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the ids of dead letters, as their list shows them."""
    for letter in around.application.dead_letters.list()[-MOST_DEPLOYMENTS:]:
        yield letter.id[:12], f"{letter.transport} {letter.code}"


def find_environment_names(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the environments, and those of the configuration's own."""
    for name in (*ENVIRONMENTS, *around.list_keys("environments")):
        yield name, ""


def find_provider_names(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the clouds."""
    for name in around.application.providers:
        yield name, ""


def find_region_names(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the regions of the providers that were typed, else of the built-in ones."""
    given = around.given("provider") or ()
    typed = [given] if isinstance(given, str) else list(given)
    for name in [provider.lower() for provider in typed] or PROVIDERS:
        for region in around.application.providers[name].regions:
            yield region, name


def find_engine_names(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the engines of the registry."""
    for name in around.application.engines:
        yield name, ""


def find_cloud_kinds(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield where an engine can deploy to."""
    yield "real", "an account of yours"
    yield "sandbox", "simulated on this machine"


def find_http_methods(around: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the usual HTTP methods."""
    for name in HTTP_METHODS:
        yield name, ""


def _find_keys(text: str, section: str) -> Iterator[str]:
    """Yield the keys one level below a top-level key, by their indentation: a parser would take longer to import."""
    is_inside, depth = False, 0
    for line in text.splitlines():
        content = line.strip()
        indentation = len(line) - len(line.lstrip(" "))
        if not content or content.startswith("#"):
            continue
        if indentation == 0:
            is_inside, depth = content.startswith(f"{section}:"), 0
        elif is_inside:
            depth = depth or indentation
            match = _KEY.match(content)
            if indentation == depth and match:
                yield match[2]
