"""Finds the deployed stacks that a command means: what was typed decides, and only what it leaves open is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING

from semantest_iac.application.queries.history import (
    StackFilter,
    answers_requests,
    find_entrances,
    is_deployed_or_unfinished,
)
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import ALL_COMPONENTS, Region
from semantest_iac.domain.errors import Fault, NotFoundError, ValidationError
from semantest_iac.presentation.cli.formatting import program_name
from semantest_iac.presentation.cli.session import (
    STANDARD_FILE,
    ConfigurationOptions,
    MultiStackSelector,
    ResolvedStack,
    Session,
    StackSelector,
)

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import LedgerReader, StackRow

DEFAULT_OPTIONS = ConfigurationOptions()
MOST_LISTED = 10
IsWanted = Callable[["LedgerReader", "StackRow"], bool]


def is_present(ledger: LedgerReader, row: StackRow) -> bool:
    """Whether something of the stack is deployed, or an interrupted command left it open."""
    return is_deployed_or_unfinished(ledger, row.stack)


def is_owned(ledger: LedgerReader, row: StackRow) -> bool:
    """Whether an engine has begun the stack; a request that only waits has nothing in the cloud."""
    return row.owner is not None


def is_live(ledger: LedgerReader, row: StackRow) -> bool:
    """Whether the stack has a deployment that succeeded."""
    return row.last_good is not None


def is_live_service(ledger: LedgerReader, row: StackRow) -> bool:
    """Whether a service of the stack has a deployment that succeeded."""
    return is_live(ledger, row) and answers_requests(row)


def has_endpoint(ledger: LedgerReader, row: StackRow) -> bool:
    """Whether a service of the stack can be reached."""
    return row.last_good is not None and bool(row.endpoint or find_entrances(row))


def has_api_gateway(ledger: LedgerReader, row: StackRow) -> bool:
    """Whether the stack has a gateway in front of services."""
    return row.last_good is not None and "gateway" in find_entrances(row)


def is_present_service(ledger: LedgerReader, row: StackRow) -> bool:
    """Whether a service is deployed as this stack."""
    return is_present(ledger, row) and answers_requests(row)


def find_deployed(ledger: LedgerReader, selector: StackSelector, is_wanted: IsWanted = is_present) -> list[str]:
    """Return the names of the stacks that fit the parts which were given, newest first."""
    wanted = StackFilter(**asdict(selector))
    return [row.stack for row in ledger.stacks() if wanted.matches(row.stack) and is_wanted(ledger, row)]


def select_deployed_if_any(
    session: Session,
    selector: StackSelector,
    options: ConfigurationOptions = DEFAULT_OPTIONS,
    is_wanted: IsWanted = is_present,
) -> StackSelector:
    """Select the only deployed stack that fits; unchanged where none does, so that the defaults apply.

    Where several fit, the configuration decides between them; its project decides always. Raises ValidationError with
    all that still fit.
    """
    fitting = find_deployed(session.application.ledger, selector, is_wanted)
    if len(fitting) > 1 or (fitting and (options.config or Path(STANDARD_FILE).exists())):
        fitting = _narrow_by_configuration(session, selector, options, fitting)
    if len(fitting) > 1:
        raise _ambiguous_error(session, selector, fitting)
    return StackSelector.from_stack(Stack.parse(fitting[0])) if fitting else selector


def resolve_deployed_or_configured(
    session: Session, selector: StackSelector, options: ConfigurationOptions, is_wanted: IsWanted = is_present
) -> ResolvedStack:
    """Resolve the only deployed stack that fits, else that of the configuration; raises ValidationError."""
    return session.resolve_one(select_deployed_if_any(session, selector, options, is_wanted), options)


def resolve_stacks_to_destroy(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions
) -> list[ResolvedStack]:
    """Resolve what `destroy` is asked for; raises ValidationError with the faults of all."""
    from semantest_iac.application.intake.deployment_specs import accept_all

    named = tuple(name for name in selector.component if name != ALL_COMPONENTS)
    resolved: list[ResolvedStack] = []
    if named or not selector.component:
        each_selector = session.expand(replace(selector, component=named), options)
        resolved += accept_all(
            partial(resolve_deployed_or_configured, session, each, options) for each in each_selector
        )
    if named != selector.component:
        resolved += _resolve_all_at_one_place(session, selector, options)
    return list({target.stack: target for target in resolved}.values())


def resolve_every_deployed_stack(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions, is_wanted: IsWanted = is_present
) -> list[ResolvedStack]:
    """Resolve every deployed stack that fits the parts which were given; raises ValidationError for unknown names."""
    from semantest_iac.application.intake.deployment_specs import accept_all

    ledger, found = session.application.ledger, dict[str, None]()
    for each in session.expand(selector, options):
        session.build_stack_filter(each)
        found |= dict.fromkeys(find_deployed(ledger, each, is_wanted))
    selectors = [StackSelector.from_stack(Stack.parse(name)) for name in found]
    return accept_all(partial(session.resolve_one, each, options) for each in selectors)


def format_remaining(session: Session) -> list[str]:
    """Say what is still deployed, and how to destroy it."""
    remaining = find_deployed(session.application.ledger, StackSelector())
    if not remaining:
        return ["Nothing is deployed now."]
    command = f"{program_name()} destroy --everything{session.home_option}"
    return [f"Still deployed: {_list_names(remaining)}.", f"To destroy it as well: {command}"]


def format_deployed_instead(session: Session, stack: Stack) -> list[str]:
    """Say what is deployed where the stack is not; empty if nothing is."""
    instead = [name for name in _find_instead(session, stack.component) if name != str(stack)]
    return [f"Deployed instead: {_list_names(instead)}."] if instead else []


def add_deployed(session: Session, stack: Stack, error: NotFoundError) -> NotFoundError:
    """Return the error with the services that are deployed instead, and the command for each."""

    def is_another_service(ledger: LedgerReader, row: StackRow) -> bool:
        return row.stack != str(stack) and is_present_service(ledger, row)

    faults = list_deployed(session, StackSelector.from_stack(stack), is_another_service)
    return NotFoundError(error.message, hint="" if faults else error.hint, faults=faults)


def list_deployed(session: Session, selector: StackSelector, is_wanted: IsWanted = is_present) -> list[Fault]:
    """List what is deployed instead of what was selected, each with the command for it."""
    found = _find_instead(session, selector.component, is_wanted)[:MOST_LISTED]
    return [Fault("deployed", name, command_for(session, selector.component, name)) for name in found]


def _find_instead(session: Session, component: str | None, is_wanted: IsWanted = is_present) -> list[str]:
    """Return the deployed stacks of the component, or those of all components if it has none."""
    ledger = session.application.ledger
    of_component = find_deployed(ledger, StackSelector(component), is_wanted)
    return of_component or find_deployed(ledger, StackSelector(), is_wanted)


def command_for(session: Session, component: str | None, stack: str) -> str:
    """Return the command that was typed, with the stack's full name in place of the component."""
    words = list(session.arguments)
    for place, word in enumerate(words):
        if component is not None and word.lower() in (component, f"--component={component}"):
            words[place] = stack if word.lower() == component else f"--component={stack}"
            break
    else:
        words.append(stack)
    return f"{program_name()} {join(words)}"


def _resolve_all_at_one_place(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions
) -> list[ResolvedStack]:
    """Resolve `all`: every service at one place, which is the default one unless nothing is deployed there."""
    from semantest_iac.application.intake.deployment_specs import accept_all

    resolved: list[ResolvedStack] = []
    components = session.expand_components(replace(selector, component=(ALL_COMPONENTS,)), options)
    for place in session.expand(replace(selector, component=()), options):
        fitting = find_deployed(session.application.ledger, place, is_present_service)
        usual, _ = session.resolve_stack_and_configuration(replace(place, component=components[0]), options)
        chosen = _choose_place(session, place, usual, [Stack.parse(name) for name in fitting])
        there = [stack.component for stack in map(Stack.parse, fitting) if _place_of(stack) == _place_of(chosen)]
        selectors = [replace(StackSelector.from_stack(chosen), component=name) for name in (*components, *there)]
        resolved += accept_all(partial(session.resolve_one, each, options) for each in dict.fromkeys(selectors))
    return resolved


def _choose_place(session: Session, selector: StackSelector, usual: Stack, deployed: Sequence[Stack]) -> Stack:
    places = {_place_of(stack): stack for stack in deployed}
    if not places or _place_of(usual) in places:
        return usual
    if len(places) > 1:
        raise _ambiguous_error(session, selector, map(str, deployed))
    return next(iter(places.values()))


def _place_of(stack: Stack) -> Stack:
    return replace(stack, component="any")


def _narrow_by_configuration(
    session: Session, selector: StackSelector, options: ConfigurationOptions, stacks: list[str]
) -> list[str]:
    """Return the stacks of the configured project, of these those that fit provider, environment and region if any do.

    The settings of an account belong to no project.
    """
    configured = session.load_configuration(selector, options).configuration
    project, region = configured.project, configured.region and str(Region.parse(configured.region))
    own = [name for name in stacks if project in (None, (stack := Stack.parse(name)).project) or not stack.is_service]
    wanted = StackFilter(None, configured.provider, configured.environment, region)
    return [name for name in own if wanted.matches(name)] or own


def _ambiguous_error(session: Session, selector: StackSelector, stacks: Iterable[str]) -> ValidationError:
    faults = [Fault("stack", name, command_for(session, selector.component, name)) for name in stacks]
    return ValidationError(
        f"Cannot choose a stack: {len(faults)} deployed stacks fit.",
        hint="Name one of them, or add --provider, --env or --region.",
        faults=faults,
    )


def _list_names(stacks: Sequence[str]) -> str:
    more = f" and {len(stacks) - MOST_LISTED} more" if len(stacks) > MOST_LISTED else ""
    return ", ".join(stacks[:MOST_LISTED]) + more
