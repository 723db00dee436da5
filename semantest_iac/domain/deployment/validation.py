"""Validates whether a configuration can be deployed to a stack, with every fault and warning.

The models have checked keys and types already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date

from semantest_iac.domain.blueprints.capabilities import Capabilities, CapabilitiesOf, find_unsupported
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack, find_part_fault, format_stack_options
from semantest_iac.domain.environments.configuration import (
    DeploymentConfiguration,
    find_component_type,
    find_secret_variables,
    list_variables,
    resolve_component,
)
from semantest_iac.domain.environments.environment_settings import get_environment_settings
from semantest_iac.domain.environments.guardrail_sections import find_guardrail_faults
from semantest_iac.domain.environments.names import (
    ACCOUNT_COMPONENT,
    COMPONENT_TYPES,
    COMPONENTS,
    ENVIRONMENTS,
    LAYER_TYPES,
    PLATFORM_TYPES,
    RESERVED_COMPONENT_NAMES,
    SERVICE_TYPES,
    Region,
    canonical_environment,
    find_nearest,
    make_printable,
    secret_variable_name,
    suggest_known,
)
from semantest_iac.domain.environments.rules import component_rules, function_rules, layer_rules, scaling_rules
from semantest_iac.domain.environments.rules.application_rules import check_application
from semantest_iac.domain.environments.rules.approval_checks import check_approvals
from semantest_iac.domain.environments.rules.build_commands import check_build
from semantest_iac.domain.environments.rules.canary_rules import check_canary
from semantest_iac.domain.environments.rules.domain_rules import find_shared_domains
from semantest_iac.domain.environments.rules.findings import CloudLimits, Finding, RuleSubject, advise, refuse
from semantest_iac.domain.environments.rules.tag_rules import check_tags
from semantest_iac.domain.environments.section_types import parse_secret_reference
from semantest_iac.domain.environments.sections import ComponentSection
from semantest_iac.domain.environments.settings import AUTHENTICATION_REQUIRED, ComponentSettings
from semantest_iac.domain.errors import Fault, RefusedError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, choose_engine, find_engine_faults
from semantest_iac.domain.ports.cloud_rules import CloudDescription, CloudDescriptions
from semantest_iac.domain.ports.freeze_calendar import FreezeCalendar, find_freeze_faults
from semantest_iac_events.stack_names import DEFAULT_PROJECT

_IMPLIED_SECRET_HINT = f": clients must show a token. Set {AUTHENTICATION_REQUIRED}: false if anyone may connect"

LONGEST_DEADLINE_S = 86_400
_MASKING_HINT = "Use a longer random value that stands nowhere else"


@dataclass(frozen=True, slots=True)
class SecretAvailability:
    """Which secrets have no value, whether that is a fault, and why a value cannot be masked everywhere, by secret."""

    missing_secrets: frozenset[str] = frozenset()
    secrets_required: bool = False
    masking_problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Faults forbid the deployment, warnings do not; both in the order of the rules."""

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()

    @classmethod
    def merge(cls, reports: Iterable[ValidationReport]) -> ValidationReport:
        """Merge reports; each fault and warning occurs once."""
        known = list(reports)
        faults = dict.fromkeys(fault for report in known for fault in report.faults)
        warnings = dict.fromkeys(warning for report in known for warning in report.warnings)
        return cls(tuple(faults), tuple(warnings))


class ValidationService:
    """Validates configurations as of `today`, because runtimes are deprecated by date.

    Without `capabilities_of` every cloud supports everything, without `engines` every engine is known, and without
    `calendar` the times of freezes are not checked.
    """

    def __init__(
        self,
        today: date,
        clouds: CloudDescriptions,
        capabilities_of: CapabilitiesOf = Capabilities,
        engines: Collection[str] | None = None,
        calendar: FreezeCalendar | None = None,
    ) -> None:
        self._today = today
        self._engines = engines
        self._calendar = calendar
        self._clouds = clouds
        self._capabilities_of = capabilities_of

    def validate(
        self, stack: Stack, configuration: DeploymentConfiguration, secrets: SecretAvailability = SecretAvailability()
    ) -> ValidationReport:
        """Return every fault and warning about the stack's component in this configuration."""
        faults = self.find_stack_faults(stack, configuration.environment_names, configuration.components)
        if self._engines is not None:
            faults += find_engine_faults(configuration.engine, self._engines)
        of_environment = tuple(_check_environment(stack, configuration))
        settings = _resolve_settings(stack, configuration, of_environment)
        findings = [*_check_component_names(configuration), *find_shared_domains(configuration.components)]
        if stack.provider in self._clouds:
            findings += self._check(stack, configuration, secrets, settings, of_environment)
        unsupported = () if faults or settings is None else tuple(self._find_unsupported(stack, settings))
        return ValidationReport(
            faults + tuple(finding.fault for finding in findings if finding.blocks) + unsupported,
            tuple(finding.fault for finding in findings if not finding.blocks),
        )

    def find_stack_faults(
        self, stack: Stack, environments: Collection[str] = ENVIRONMENTS, components: Iterable[str] = ()
    ) -> tuple[Fault, ...]:
        """Return a fault for each unknown part of the stack; `components` are known besides those named like a type."""
        known = (*COMPONENTS, *components)
        return find_stack_faults(**asdict(stack), clouds=self._clouds, environments=environments, components=known)

    def _find_unsupported(self, stack: Stack, settings: ComponentSettings) -> Iterator[Fault]:
        blueprint = BLUEPRINTS[settings.type](stack, 1, settings)
        yield from find_unsupported(
            blueprint, self._capabilities_of(stack.provider), lambda: self._other_capabilities(stack.provider)
        )

    def _other_capabilities(self, provider: str) -> Iterator[Capabilities]:
        for name in self._clouds:
            with suppress(RefusedError):  # a cloud that cannot be loaded offers nothing
                yield from [self._capabilities_of(name)] if name != provider else []

    def _check(
        self,
        stack: Stack,
        configuration: DeploymentConfiguration,
        secrets: SecretAvailability,
        settings: ComponentSettings | None,
        of_environment: Iterable[Finding],
    ) -> Iterator[Finding]:
        section = configuration.components.get(stack.component, ComponentSection())
        rules = self._clouds[stack.provider].load_rules()
        subject = RuleSubject(
            stack.component,
            stack.provider,
            stack.environment,
            section,
            self._today,
            rules.limits,
            stack.region,
            settings,
            configuration.find_base_environment(stack.environment),
            stack.project,
        )
        api_rules = (*component_rules.API_RULES, check_canary, *function_rules.FUNCTIONS_RULES)
        for rule in (
            layer_rules.check_layer_keys,
            layer_rules.check_resources,
            *component_rules.FUNCTION_RULES,
            check_application,
            *(layer_rules.LAYER_RULES if subject.is_layer else api_rules),
            rules.check_component,
            check_build,
            component_rules.check_variables,
            component_rules.check_allowed_origins,
        ):
            for finding in rule(subject):
                path = finding.fault.path  # of the component, unless it begins at the top of the file
                yield finding.move_to(path[1:] if path.startswith("/") else f"components.{stack.component}.{path}")
        yield from self._check_time_zones(subject)
        yield from _check_reserved_words(stack, rules.limits)
        yield from _check_secrets(subject, secrets)
        yield from component_rules.check_monitoring(configuration.monitoring, stack.provider, rules.round_retention)
        component_type = find_component_type(configuration, stack.component)
        yield from scaling_rules.check_scaling(configuration.scaling, component_type)
        yield from of_environment
        yield from check_tags(subject, configuration)
        yield from _check_deadlines(configuration)
        yield from check_approvals(configuration)
        yield from self._check_guardrails(configuration)

    def _check_time_zones(self, subject: RuleSubject) -> Iterator[Finding]:
        """The zones of schedules are known."""
        for name, function in subject.section.functions.items():
            zone = function.trigger.time_zone if function.trigger else None
            if zone is not None and self._calendar is not None:
                at = f"components.{subject.component}.functions.{make_printable(name)}.trigger.time_zone"
                if fault := self._calendar.find_zone_fault(at, zone):
                    yield Finding(fault, blocks=True)

    def _check_guardrails(self, configuration: DeploymentConfiguration) -> Iterator[Finding]:
        for fault in find_guardrail_faults(configuration.guardrails):
            yield Finding(fault, blocks=True)
        if self._calendar is not None:
            for fault in find_freeze_faults(configuration.guardrails, self._calendar):
                yield Finding(fault, blocks=True)


def _check_deadlines(configuration: DeploymentConfiguration) -> Iterator[Finding]:
    """Every step has at least a second and at most a day."""
    for key, seconds in configuration.deadlines.model_dump(exclude_none=True).items():
        if not 1 <= seconds <= LONGEST_DEADLINE_S:
            problem = f"{key} must be 1 to {LONGEST_DEADLINE_S} s, not {seconds}"
            yield refuse(f"deadlines.{key}", problem, "Such as 3600, for an hour.")


def _check_environment(stack: Stack, configuration: DeploymentConfiguration) -> Iterator[Finding]:
    built_in = configuration.find_base_environment(stack.environment) or stack.environment
    if built_in in ENVIRONMENTS:
        yield from layer_rules.check_environment_values(configuration, get_environment_settings(built_in))


def _resolve_settings(
    stack: Stack, configuration: DeploymentConfiguration, of_environment: Iterable[Finding]
) -> ComponentSettings | None:
    """Return the settings to build a blueprint of; None where there is none, or where it cannot be built of them."""
    component_type = find_component_type(configuration, stack.component)
    if component_type not in BLUEPRINTS or stack.environment not in configuration.environment_names:
        return None
    if component_type in PLATFORM_TYPES and any(it.blocks for it in of_environment):
        return None
    return resolve_component(configuration, stack.component, stack.environment)


def find_stack_faults(  # noqa: PLR0913  # one parameter for each part of the stack, and the names that are known
    component: str,
    provider: str,
    environment: str,
    region: str,
    clouds: CloudDescriptions,
    project: str = DEFAULT_PROJECT,
    environments: Collection[str] = ENVIRONMENTS,
    components: Collection[str] = COMPONENTS,
) -> tuple[Fault, ...]:
    """Return a fault for each part that is unknown, with the nearest known name as hint, or is no name."""
    parts = {
        "component": (component, components),
        "provider": (provider, clouds),
        "environment": (canonical_environment(environment), environments),
    }
    faults = [
        Fault(path, f"unknown {path} '{make_printable(name)}'", suggest_known(name, known))
        for path, (name, known) in parts.items()
        if name not in known
    ]
    if fault := find_part_fault("project", project):
        faults.append(fault)
    if provider in clouds and (fault := find_region_fault(region, clouds[provider])):
        faults.append(fault)
    return tuple(faults)


def find_region_fault(region: str, cloud: CloudDescription) -> Fault | None:
    """Return a fault for a region that the cloud does not have, with its counterpart or the nearest name as hint."""
    name, known = str(Region.parse(region)), cloud.regions
    if name in known:
        return None
    instead = cloud.region_counterparts.get(name) or find_nearest(name, known) or known[0]
    return Fault("region", f"'{make_printable(region)}' is not a region of {cloud.name}", f"Use '{instead}'.")


def find_account_notices(
    stack: Stack,
    engine: EngineChoice,
    other_account_stacks: Sequence[str],
    *,
    log_requested: bool,
    base_environment: str = "",
) -> Iterator[Fault]:
    """Yield notices about the settings that an account has once per region; they forbid nothing.

    `other_account_stacks` are those of the same region, and `log_requested` is true for WebSocket APIs only. No plan
    can read what is set, and other tools may have set it.
    """
    if stack.component == ACCOUNT_COMPONENT and other_account_stacks:
        reason = f"{', '.join(other_account_stacks)} has set it too, for the whole region"
        yield Fault("component", reason, "The stack deployed last counts; logging goes on through any of them.")
    if log_requested and not other_account_stacks:
        is_default = engine == choose_engine(base_environment or stack.environment)
        options = "" if is_default else f" --engine {engine.engine} --cloud {engine.cloud}"
        reason = "the cloud refuses it until the account has a role for logs, and no stack here has set one"
        yield Fault("features.access_logs", reason, f"Run: {account_deploy_command(stack)}{options}")


def account_deploy_command(stack: Stack) -> str:
    """Return the command that deploys the account settings of the stack's region."""
    account = replace(stack, component=ACCOUNT_COMPONENT, project=DEFAULT_PROJECT)
    return f"python -m semantest_iac deploy {format_stack_options(account)}"


def _check_component_names(configuration: DeploymentConfiguration) -> Iterator[Finding]:
    for name, section in configuration.components.items():
        path = f"components.{make_printable(name)}"
        if name == ACCOUNT_COMPONENT:
            yield refuse(path, "has no settings", "Leave it out.")
        elif name in RESERVED_COMPONENT_NAMES:
            yield refuse(path, f"'{name}' means every component", "Choose another name.")
        elif name not in COMPONENT_TYPES and (fault := find_part_fault(path, name)):
            yield Finding(fault, blocks=True)
        else:
            yield from _check_component_type(path, name, section.type)


def _check_component_type(path: str, name: str, written: str | None) -> Iterator[Finding]:
    if name in COMPONENT_TYPES:
        # APIs may have had names that became those of layers later: they keep them by their type
        if written not in (None, name) and not (name in LAYER_TYPES and written in SERVICE_TYPES):
            yield refuse(f"{path}.type", f"'{name}' is a type itself", "Choose another name, or leave the type out.")
    elif written is None:
        known = ", ".join(COMPONENT_TYPES)
        hint = f"Add type: {find_nearest(name, COMPONENT_TYPES) or COMPONENT_TYPES[0]}. Only {known} need none."
        yield refuse(path, "unknown component without a type", hint)
    elif written not in COMPONENT_TYPES:
        reason = f"unknown type '{make_printable(written)}'"
        yield refuse(f"{path}.type", reason, suggest_known(written, COMPONENT_TYPES))


def _check_reserved_words(stack: Stack, limits: CloudLimits) -> Iterator[Finding]:
    """Names in the cloud begin with the project and hold component and environment, some without hyphens."""
    component = f"components.{stack.component}"
    for path, name in (("project", stack.project), (component, stack.component), ("environment", stack.environment)):
        word = next((word for word in limits.reserved_in_names if word in name.replace("-", "")), None)
        if word is not None:
            yield refuse(path, f"'{name}' holds '{word}', which {stack.provider} refuses in names", "Choose another.")
    if word := next((word for word in limits.reserved_at_start if stack.project.startswith(word)), None):
        reason = f"'{stack.project}' starts with '{word}', which {stack.provider} refuses at the start of names"
        yield refuse("project", reason, "Choose another.")


def _check_secrets(subject: RuleSubject, secrets: SecretAvailability) -> Iterator[Finding]:
    """Warn of secrets that the configuration names; a deployment requires the implied ones too."""
    report, written = refuse if secrets.secrets_required else advise, subject.section.environment
    named = find_secret_variables(subject.component, subject.built_in_environment, subject.section)
    found = [(f"environment.{variable}", name, variable in written) for variable, name in named.items()]
    for key, variables in list_variables(subject.section)[1:]:
        references = {variable: parse_secret_reference(value) for variable, value in variables.items()}
        found += [(f"{key}.{variable}", name, True) for variable, name in references.items() if name]
    login = subject.section.gateway.login if subject.section.gateway else None
    if login and (password := parse_secret_reference(login.password)):
        found.append(("gateway.login.password", password, True))
    for key, name, is_written in found:
        if name in secrets.missing_secrets and (secrets.secrets_required or is_written):
            more = "" if is_written else _IMPLIED_SECRET_HINT
            hint = f"Set {secret_variable_name(name)} in the environment or in .env{more}."
            yield report(f"components.{subject.component}.{key}", f"secret '{name}' is not set", hint)
        elif problem := secrets.masking_problems.get(name):
            yield advise(f"components.{subject.component}.{key}", f"secret '{name}' {problem}", _MASKING_HINT)
