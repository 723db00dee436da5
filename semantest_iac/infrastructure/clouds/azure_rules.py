"""What Azure accepts of a component beyond what every cloud does; paths are relative to the component."""

from __future__ import annotations

import re
from collections.abc import Iterator

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.environments.configuration import list_function_values
from semantest_iac.domain.environments.environment_settings import round_retention
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.rules.findings import (
    CloudLimits,
    Finding,
    RuleSubject,
    TagLimits,
    advise,
    refuse,
)
from semantest_iac.domain.environments.runtimes import list_runtimes
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.infrastructure.clouds.declarative_rules import DeclarativeCloudRules
from semantest_iac.infrastructure.clouds.plan.azure_container_sizes import warn_of_container_sizes
from semantest_iac.infrastructure.clouds.plan.azure_departures import find_azure_departures
from semantest_iac.infrastructure.clouds.plan.departures import warn_of_departures

MEMORY_SIZES_MB = (512, 2048, 4096)  # the instances of the Flex Consumption plan
RISKY_MEMORY_MB = 512  # according to the plan's issue tracker some regions refuse it
# Source: Terraform's provider and Azure's advice.
MAXIMUM_INSTANCE_COUNT = 1000
DEFAULT_INSTANCE_COUNT = 100
LOW_INSTANCE_COUNT = 40
RETENTION_DAYS = range(30, 730 + 1)  # of a workspace, interactively
AZURE_LIMITS = CloudLimits(
    runtimes=(  # source: the end of support of Node.js and Python, which Azure Functions takes over
        *list_runtimes("nodejs", v16="2024-06-30", v18="2025-04-30", v20="2026-04-30"),
        *list_runtimes("nodejs", v22="2027-04-30", v24="2028-04-30"),
        *list_runtimes("python", v3_9="2025-10-31", v3_10="2026-10-31", v3_11="2027-10-31"),
        *list_runtimes("python", v3_12="2028-10-31", v3_13="2029-10-31", v3_14="2030-10-31"),
    ),
    reserved_prefixes=(
        *("APPLICATIONINSIGHTS_", "AZUREFUNCTIONSJOBHOST", "AZUREWEBJOBS", "FUNCTIONS_", "SCM_", "WEBSITE_"),
        "SEMANTEST_",
    ),
    # Source: Azure's page "Resolve errors for reserved resource names", of resources that become host names: Function
    # apps, vaults and storage accounts here. Its other words are refused as whole names only.
    reserved_in_names=("microsoft", "windows"),
    reserved_at_start=("login",),
    gateway="the gateway",
    # Source: Azure's page "Use tags to organize your Azure resources"; names are shorter on storage accounts, which
    # every stack has. Of the types that take 15 tags only, secrets are created here (source: Key Vault's page on
    # secrets), and no DNS, CDN, Automation or saved searches. The prefixes are those of the reference of "Tags - Create
    # Or Update", which speaks of predefined names.
    tags=TagLimits(
        count_on_secrets=15,
        longest_name=128,
        names_in_use=("Package",),
        reserved_prefixes=("microsoft", "azure", "windows"),
        refused_in_names=re.compile(r"[<>%&\\?/]"),
        hint="Azure refuses < > % & \\ ? / in names.",
    ),
)

_SUBNET = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[\w.()-]{1,90}/providers/Microsoft\.Network"
    r"/virtualNetworks/[\w.-]{2,64}/subnets/(?P<name>[\w.-]{1,80})",
    re.IGNORECASE,
)


def round_memory(requested: int) -> int:
    """Return the MB that a function gets: the next size up, or the largest."""
    return next((size for size in MEMORY_SIZES_MB if size >= requested), MEMORY_SIZES_MB[-1])


def round_workspace_retention(days: int) -> int:
    """Return the days that a workspace keeps logs: the nearest that it can, the most for ever (0)."""
    neutral = round_retention(days)
    return min(max(neutral, RETENTION_DAYS[0]), RETENTION_DAYS[-1]) if neutral else RETENTION_DAYS[-1]


_DIRECTORY_HOST, _APP_DOMAIN = "login.microsoftonline.com", "azurewebsites.net"
LONGEST_ANSWER_S = 230
"""After which the load balancer before an app gives up."""
LONGEST_LOCK_S = 300  # of a message in Service Bus; source: its page on locks, and Terraform's provider


_VAULT_RECOVERY_DAYS = range(7, 90 + 1)  # source: the validators of Terraform's provider


def round_vault_recovery(days: int) -> int:
    """Return the days that a deleted vault can be recovered: the nearest that a vault accepts."""
    return min(max(days, _VAULT_RECOVERY_DAYS[0]), _VAULT_RECOVERY_DAYS[-1])


def has_gateway(blueprint: Blueprint) -> bool:
    """Whether API Management is in front of the app; the app's own endpoint checks no token and limits no client."""
    is_development = (blueprint.base_environment or blueprint.stack.environment) == "development"
    return any(api.authorizer or not is_development for api in blueprint.resources if isinstance(api, HttpApi))


def check_memory_size(subject: RuleSubject) -> Iterator[Finding]:
    """The memory is one of three sizes; values between them are rounded up and paid for."""
    most = MEMORY_SIZES_MB[-1]
    for path, configured in list_function_values(subject.section, "memory"):
        if configured is None or configured < 1:
            continue
        size = round_memory(configured)
        if configured > most:
            yield refuse(path, f"Azure Functions have {most} MB at most, not {configured}", f"Write {most} or less.")
        elif size != configured:
            yield advise(path, f"{configured} MB become {size}, the next size that Azure has", f"Write {size}.")
        elif size == RISKY_MEMORY_MB:
            hint = "Write 2048 if yours is one of them."
            yield advise(path, f"some regions of Azure refuse {RISKY_MEMORY_MB} MB", hint)


def check_shared_app(subject: RuleSubject) -> Iterator[Finding]:
    """Functions run in one app, whose runtime, memory, timeout and variables are the same for all of them.

    Runtimes that files decide are compared when the source is read. Sources: Azure's pages on the Flex Consumption plan
    (the memory of an instance, on which all HTTP functions of an app run; its one runtime in `functionAppConfig`), on
    host.json (`functionTimeout`, for all functions) and on app settings.
    """
    settings = subject.settings
    if settings is None or not settings.functions:
        return
    if subject.section.source and subject.section.source.endswith(".zip"):
        reason = "a zip is a whole Functions app on Azure, which has its own functions and routes"
        yield refuse("functions", reason, "Name the folder with the handlers as source.")
    of = {name: settings.for_function(name) for name in settings.function_names}
    shared = {
        "memory": map(str, sorted({round_memory(it.memory) for it in of.values()})),
        "timeout": map(str, sorted({it.timeout for it in of.values()})),
        "runtime": iter(sorted({it.runtime for it in of.values() if it.runtime})),
    }
    for key, found in shared.items():
        if len(values := list(found)) > 1:
            reason = f"{' and '.join(values)}: on Azure all functions run in one app, which has one {key}"
            yield refuse("functions", reason, f"Set {key} for the component only, or make it the same for all.")


def check_shared_variables(subject: RuleSubject) -> Iterator[Finding]:
    """A variable has one value in all functions, because an app has one value of a setting."""
    settings = subject.settings
    if settings is None:
        return
    of = {name: settings.for_function(name) for name in settings.function_names}
    values = {name: {**it.environment, **it.secrets} for name, it in of.items()}
    for name, function in subject.section.functions.items():
        for variable in function.environment:
            own = values[name][variable]
            others = [other for other, given in values.items() if given.get(variable, own) != own]
            if others:
                where = f"function '{others[0]}'" if others[0] else "the component"
                reason = f"another value in {where}: on Azure all functions run in one app and share its variables"
                path = f"functions.{name}.environment.{make_printable(variable)}"
                yield refuse(path, reason, "Give the variables of each function names of their own.")


def check_calls_between_functions(subject: RuleSubject) -> Iterator[Finding]:
    """Functions call each other by the address of their app, and check the token of the caller.

    What gives up is the load balancer before the app (Azure's page on HTTP triggers, "Limits"); the keys with which the
    token is checked are published by the directory.
    """
    settings, platform = subject.settings, subject.platform
    called = [it.name for it in settings.functions if it.trigger and it.trigger.http] if settings else []
    if settings is None or platform is None or not called:
        return
    for name in called:
        if (seconds := settings.for_function(name).timeout) > LONGEST_ANSWER_S:
            reason = f"callers wait {LONGEST_ANSWER_S} s at most, and the function may run for {seconds}"
            yield advise(f"functions.{name}.trigger.http", reason, "Let a queue call what takes longer.")
    environment = platform.environment
    is_inside = environment.security.private_endpoints or any(it.has_fixed_address for it in settings.functions)
    if "network" not in platform.layers or not is_inside:
        return
    if not environment.network.nat_gateway:
        reason = f"who calls is checked with keys of {_DIRECTORY_HOST}, to which the network has no way out"
        yield refuse(f"functions.{called[0]}.trigger.http", reason, "Turn on network.nat_gateway.")
    hosts = [_DIRECTORY_HOST] if environment.security.private_endpoints else [_DIRECTORY_HOST, f"*.{_APP_DOMAIN}"]
    for host in hosts if environment.network.firewall and environment.network.allowed_hosts else ():
        if not any(_covers(allowed, host) for allowed in environment.network.allowed_hosts):
            reason = f"functions need {host} to call each other, and the firewall lets nothing out to it"
            yield refuse(f"functions.{called[0]}.trigger.http", reason, f"Add {host} to network.allowed_hosts.")


def _covers(allowed: str, host: str) -> bool:
    return allowed == host or (allowed.startswith("*.") and host.endswith(allowed[1:]))


def check_instance_limits(subject: RuleSubject) -> Iterator[Finding]:
    """A function has 1000 instances at most, and 100 if no maximum is configured."""
    least, most = subject.section.instances.min or 0, subject.section.instances.max
    if most is not None and most > MAXIMUM_INSTANCE_COUNT:
        yield refuse("instances.max", f"Azure runs {MAXIMUM_INSTANCE_COUNT} instances at most, not {most}")
    elif most is not None and 0 < most < LOW_INSTANCE_COUNT:
        yield advise("instances.max", f"Azure advises fewer than {LOW_INSTANCE_COUNT} only for special workloads")
    if most is None and least > DEFAULT_INSTANCE_COUNT:
        hint = "Write instances.max as well."
        yield refuse(
            "instances.min", f"min ({least}) is above the {DEFAULT_INSTANCE_COUNT} that Azure runs at most", hint
        )


def check_subnet_ids(subject: RuleSubject) -> Iterator[Finding]:
    """A subnet is named by its id; the capabilities limit their number and security groups."""
    for index, subnet in enumerate(subject.section.network.subnet_ids or ()):
        match = _SUBNET.fullmatch(subnet)
        hint = "Such as /subscriptions/…/virtualNetworks/<network>/subnets/<subnet>."
        if match is None:
            yield refuse(f"network.subnet_ids[{index}]", f"'{make_printable(subnet)}' is not the id of a subnet", hint)
        elif "_" in match["name"]:
            yield refuse(f"network.subnet_ids[{index}]", "Flex Consumption takes no subnet with '_' in its name")


def check_gateway_only_settings(subject: RuleSubject) -> Iterator[Finding]:
    """In development the app has no gateway, unless tokens are required."""
    section = subject.section
    if subject.built_in_environment != "development" or section.authorizer or not subject.serves_http:
        return
    hint = "Any other environment has a gateway, and so has development with an authorizer."
    if _is_throttled(subject):
        yield advise("throttling", "no effect: the app's own endpoint does not throttle", hint)
    if section.cors and (section.cors.methods or section.cors.headers or section.cors.max_age is not None):
        yield advise("cors", "methods, headers and max_age have no effect: the app's own endpoint allows all", hint)


def check_gateway_throttling_effect(subject: RuleSubject) -> Iterator[Finding]:
    """The Consumption tier has no `rate-limit-by-key`, and what `rate-limit` counts is doubtful without subscriptions.

    Sources: the vendor's reference of both policies ("only applied when an API is accessed using a subscription key");
    a measurement that calls without a key count together (ronaldbosma.github.io, 2026-01-06).
    """
    is_behind_gateway = subject.built_in_environment != "development" or subject.section.authorizer
    if is_behind_gateway and subject.serves_http and _is_throttled(subject):
        reason = "may have no effect: API Management documents that it limits only calls with a subscription key"
        yield advise("throttling", reason, "Limit calls in your code as well if a limit is essential.")


def check_web_pubsub_throttling(subject: RuleSubject) -> Iterator[Finding]:
    """Web PubSub limits connections and messages by its units, not per client."""
    if not subject.serves_http and _is_throttled(subject):
        yield advise("throttling", "no effect: Web PubSub does not throttle the messages of a client")


def _is_throttled(subject: RuleSubject) -> bool:
    configured = subject.section.throttling
    return configured.rate is not None or configured.burst is not None


def check_variable_cases(subject: RuleSubject) -> Iterator[Finding]:
    """The names of settings are the same whatever their case, those that the environment sets included."""
    implied = {} if subject.settings is None else {**subject.settings.environment, **subject.settings.secrets}
    places = dict.fromkeys(implied, "environment")
    for path, variables in list_function_values(subject.section, "environment"):
        places |= {name: path for name in variables if name not in places}
    seen: dict[str, str] = {}
    for name, path in places.items():
        other = seen.setdefault(name.upper(), name)
        if other != name:
            hint = "Azure does not tell names apart by their case: keep one of them."
            yield refuse(f"{path}.{make_printable(name)}", f"the same setting as {make_printable(other)}", hint)


def check_origin_wildcards(subject: RuleSubject) -> Iterator[Finding]:
    """App Service and API Management know `*`, for every origin, and no other pattern."""
    for index, origin in enumerate((subject.section.cors and subject.section.cors.origins) or ()):
        if "*" in origin and origin != "*":
            reason = f"'{make_printable(origin)}' matches no origin: Azure knows no patterns of origins"
            yield refuse(f"cors.origins[{index}]", reason, "Name the origins, or write '*' for all.")


def check_unsupported_time_zone(subject: RuleSubject) -> Iterator[Finding]:
    """Flex Consumption supports no time zone but UTC (source: Azure's reference of app settings, TZ)."""
    for path, variables in list_function_values(subject.section, "environment"):
        for name in variables:
            if name.upper() == "TZ":
                reason = "the Flex Consumption plan has no time zones but UTC"
                yield refuse(f"{path}.{make_printable(name)}", reason, "Convert times in your code.")


def check_azure_canary(subject: RuleSubject) -> Iterator[Finding]:
    """An app on Flex Consumption has no slots (Azure's page on deployment slots) that could share the traffic.

    A backend pool of API Management divides it between two apps, in every tier (its page on backends).
    """
    if not (subject.serves_http and subject.settings and subject.settings.canary):
        return
    if subject.built_in_environment != "development" or subject.section.authorizer:
        return
    reason = "the Flex Consumption plan has no deployment slots, and without a gateway nothing divides the traffic"
    hint = "Write canary: none. Any other environment has a gateway, and so has development with an authorizer."
    yield refuse("canary", f"not on Azure without a gateway: {reason}", hint)


def check_gateway_tier(subject: RuleSubject) -> Iterator[Finding]:
    """Developer has no service level agreement, and is managed from outside, which a firewall would not let through.

    Sources: Azure's pages on the tiers of API Management, and on its virtual networks (forced tunnelling).
    """
    platform = subject.platform
    if platform is None or not platform.has_gateway or platform.environment.tiers.api_management != "basic":
        return
    path, hint = "/tiers.api_management", "Write tiers.api_management: standard."
    if subject.built_in_environment == "production":
        yield refuse(path, "the tier Developer has no service level agreement, and is not for production", hint)
    elif platform.environment.network.firewall and "network" in platform.layers:
        reason = "the tier Developer is managed by Azure from outside of the network, and answers would be dropped"
        yield refuse(path, f"{reason} by the firewall", f"{hint} Or turn off network.firewall.")
    elif subject.built_in_environment == "staging":
        yield advise(path, "the tier Developer has no service level agreement, and one unit", hint)


AZURE_RULES = DeclarativeCloudRules(
    AZURE_LIMITS,
    (
        *(check_memory_size, check_instance_limits, check_subnet_ids, check_gateway_only_settings),
        *(check_gateway_throttling_effect, check_web_pubsub_throttling),
        *(check_variable_cases, check_origin_wildcards, check_unsupported_time_zone),
        *(check_shared_app, check_shared_variables, check_calls_between_functions, check_azure_canary),
        *(check_gateway_tier, warn_of_container_sizes, warn_of_departures(find_azure_departures)),
    ),
    round_workspace_retention,
)
