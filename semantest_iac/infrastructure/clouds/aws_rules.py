"""What AWS accepts of a component beyond what every cloud does; paths are relative to the component."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.compute.triggers import RequestTrigger, call_variable
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import account_deploy_command
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.physical_names import physical_name
from semantest_iac.domain.environments.platform.gateway_resolution import find_whole_path
from semantest_iac.domain.environments.rules.findings import (
    CloudLimits,
    Finding,
    RuleSubject,
    TagLimits,
    advise,
    refuse,
)
from semantest_iac.domain.environments.runtimes import list_runtimes
from semantest_iac.domain.messaging.queues import MessageQueue, MessageTopic, send_variable
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.access import AppSecret
from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.domain.storage.item_tables import ItemTable, table_variable
from semantest_iac.domain.storage.object_stores import ObjectStore, bucket_variable
from semantest_iac.infrastructure.clouds.aws_variables import (
    CONNECTIONS_ENDPOINT_SETTING,
    ENVIRONMENT_LIMIT_BYTES,
    LONGEST_BUCKET_NAME,
    LONGEST_SECRET_NAME,
    LONGEST_TABLE_NAME,
    RESERVED_VARIABLES,
    SECRETS_SETTING,
    connection_table_variables,
    measure_environment,
)
from semantest_iac.infrastructure.clouds.declarative_rules import DeclarativeCloudRules
from semantest_iac.infrastructure.clouds.plan.aws_container_sizes import check_way_to_images, warn_of_tasks
from semantest_iac.infrastructure.clouds.plan.aws_departures import find_aws_departures
from semantest_iac.infrastructure.clouds.plan.departures import warn_of_departures

NETWORK_ID_PATTERNS = {
    "subnet_ids": re.compile(r"subnet-[0-9a-f]{8,17}"),
    "security_group_ids": re.compile(r"sg-[0-9a-f]{8,17}"),
}
ORIGIN_PATTERNS = ("*", "http://*", "https://*")
AWS_LIMITS = CloudLimits(
    runtimes=(  # source: the life cycle of Lambda runtimes that cfn-lint carries
        *list_runtimes("nodejs", v16="2024-06-12", v18="2025-09-01", v20="2026-04-30"),
        *list_runtimes("nodejs", v22="2027-04-30", v24="2028-04-30"),
        *list_runtimes("python", v3_9="2025-12-15", v3_10="2026-10-31", v3_11="2027-06-30"),
        *list_runtimes("python", v3_12="2028-10-31", v3_13="2029-06-30", v3_14="2029-06-30"),
    ),
    reserved_prefixes=("LAMBDA_", "SEMANTEST_"),
    reserved_names=RESERVED_VARIABLES,
    gateway="API Gateway",
    # Source: the reference of IAM's type Tag, whose characters all services take (EC2's and CloudFormation's pages on
    # restrictions of tags name the same), and these pages for the number of tags and the prefix.
    tags=TagLimits(
        names_in_use=("Name",),
        reserved_prefixes=("aws:",),
        reserves_values=True,
        refused_in_names=re.compile(r"[^\w +\-=.:/@]"),
        refused_in_values=re.compile(r"[^\w +\-=.:/@]"),
        hint="AWS takes letters, digits, spaces and + - = . _ : / @.",
    ),
)
_DEFAULT_CONCURRENCY = 1000
_UNRESERVED_CONCURRENCY = 100
_MOST_AUTHORIZERS = 10
_PATH_VARIABLE = re.compile(r"\{\w+\}")
_MISSING_ROLE_MESSAGE = "CloudWatch Logs role ARN must be set in account settings"
_ROLE_REQUIREMENT = "API Gateway logs WebSocket APIs through a role in the settings of the account and region."


def check_network_ids(subject: RuleSubject) -> Iterator[Finding]:
    """Subnets and security groups are named by their ids, and only together."""
    requested = subject.section.network
    if bool(requested.subnet_ids) != bool(requested.security_group_ids):
        yield refuse("network", "subnet_ids and security_group_ids need each other")
    for key, pattern in NETWORK_ID_PATTERNS.items():
        for index, identifier in enumerate(getattr(requested, key) or ()):
            if not pattern.fullmatch(identifier):
                yield refuse(f"network.{key}[{index}]", f"'{make_printable(identifier)}' is not such an id")


def check_concurrency(subject: RuleSubject) -> Iterator[Finding]:
    """AWS gives an account so many instances at once; only it knows whether the quota was raised."""
    requested = subject.section.instances
    functions = len(subject.settings.function_names) if subject.settings else 1
    for key, count in (("min", requested.min), ("max", requested.max)):
        if count is not None and count * functions > _DEFAULT_CONCURRENCY - _UNRESERVED_CONCURRENCY:
            total = f"{count} at once" if functions == 1 else f"{count} at once for each of {functions} functions"
            reason = f"an account has {_DEFAULT_CONCURRENCY}, of which AWS keeps {_UNRESERVED_CONCURRENCY} free"
            yield advise(f"instances.{key}", f"{total} need a raised quota: {reason}")


def check_origin_patterns(subject: RuleSubject) -> Iterator[Finding]:
    """API Gateway knows two patterns beside `*`, any http and any https origin (its guide, CORS for HTTP APIs)."""
    for index, origin in enumerate((subject.section.cors and subject.section.cors.origins) or ()):
        if "*" in origin and origin not in ORIGIN_PATTERNS:
            known = ", ".join(ORIGIN_PATTERNS)
            reason = f"'{make_printable(origin)}' matches no origin: API Gateway knows the patterns {known}"
            yield refuse(f"cors.origins[{index}]", reason, "Name the origins.")


def check_path_variables(subject: RuleSubject) -> Iterator[Finding]:
    """Variables at the same place of several paths should have one name.

    Source: "has a conflicting variable on the same hierarchical level as", API Gateway's answer to a route that differs
    from another of its method by such names only (github.com/plutomi/plutomi/issues/271). Whether longer paths and
    other methods are refused as well was not tried on an account.
    """
    names: dict[str, tuple[str, int]] = {}
    for index, route in enumerate(subject.section.routes or ()):
        parts = route.path.split("/")
        for place, part in enumerate(parts):
            if not _PATH_VARIABLE.fullmatch(part):
                continue
            name, first = names.setdefault(_PATH_VARIABLE.sub("{}", "/".join(parts[:place])), (part, index))
            if name != part:
                reason = f"{make_printable(part)} is {make_printable(name)} in routes[{first}]"
                hint = "Give variables at the same place one name: API Gateway refuses two of them in similar routes."
                yield advise(f"routes[{index}].path", reason, hint)


def check_variables_size(subject: RuleSubject) -> Iterator[Finding]:
    """Lambda limits the variables of a function by their size in all, those that this tool adds included."""
    sizes: dict[str, int] = {}
    for purpose, variables in _function_environments(subject):
        path = f"functions.{purpose}.environment" if purpose in subject.section.functions else "environment"
        sizes[path] = max(sizes.get(path, 0), measure_environment(variables))
    for path, size in sizes.items():
        if size > ENVIRONMENT_LIMIT_BYTES:
            reason = f"{size} bytes as JSON with this tool's own variables; AWS Lambda takes {ENVIRONMENT_LIMIT_BYTES}"
            yield refuse(path, reason, "Move long values into files of the source, or into secrets.")


def _function_environments(subject: RuleSubject) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the variables of each function by its purpose; what AWS chooses is as long as it will be."""
    if subject.settings is None:
        return
    stack = Stack(subject.component, subject.provider, subject.environment, subject.region, subject.project)
    resources = BLUEPRINTS[subject.type](stack, 1, subject.settings).resources
    by_name = {resource.name: resource for resource in resources}
    for function in resources:
        if isinstance(function, ServerlessFunction):
            keys = {setting: _secret_key(by_name[ref]) for setting, ref in function.secrets.items()}
            arns = json.dumps({setting: _secret_arn(stack, key) for setting, key in keys.items()}, sort_keys=True)
            variables = {**function.environment, **({SECRETS_SETTING: arns} if keys else {})}
            for name in function.uses:
                variables |= _connection_variables(stack, by_name[name])
            yield function.purpose, variables


def _secret_key(secret: Resource) -> str:
    return secret.key if isinstance(secret, AppSecret) else ""


def _secret_arn(stack: Stack, key: str) -> str:
    name = physical_name(str(stack), 1, key.replace("_", "-"), limit=LONGEST_SECRET_NAME)
    return f"arn:aws:secretsmanager:{stack.region}:{'0' * 12}:secret:{name}-{'x' * 6}"


def _connection_variables(stack: Stack, resource: Resource) -> dict[str, str]:
    if isinstance(resource, ConnectionTable):
        table = physical_name(str(stack), 1, limit=LONGEST_TABLE_NAME)
        return connection_table_variables(table, resource.lifetime_s)
    if isinstance(resource, MessageQueue):
        return {send_variable(resource.queue): f"https://sqs.{stack.region}.amazonaws.com/{'0' * 12}/{'x' * 80}"}
    if isinstance(resource, MessageTopic):
        return {send_variable(resource.topic): f"arn:aws:sns:{stack.region}:{'0' * 12}:{'x' * 80}"}
    if isinstance(resource, RequestTrigger):
        arn = f"arn:aws:lambda:{stack.region}:{'0' * 12}:function:{'x' * 64}:live"
        return {call_variable(resource.purpose): arn}
    if isinstance(resource, ItemTable):
        return {table_variable(resource.table): physical_name(str(stack), 1, "x" * 60, limit=LONGEST_TABLE_NAME)}
    if isinstance(resource, ObjectStore):
        return {bucket_variable(resource.bucket): "x" * LONGEST_BUCKET_NAME}
    endpoint = f"https://{'x' * 10}.execute-api.{stack.region}.amazonaws.com/live"
    return {CONNECTIONS_ENDPOINT_SETTING: endpoint}


def explain_missing_log_role(message: str, stack: Stack) -> str:
    """Return what to do if the account has no role for logs; the engine and cloud of the run are not known here."""
    if _MISSING_ROLE_MESSAGE not in message:
        return ""
    options = "with this command's --engine and --cloud, if it had any"
    return f"{_ROLE_REQUIREMENT} Run: {account_deploy_command(stack)}, {options}; or leave features.access_logs out."


def check_warm_canary(subject: RuleSubject) -> Iterator[Finding]:
    """Lambda takes no provisioned concurrency for an alias that leads to two versions.

    Source: its answer "Alias with weights can not be used with Provisioned Concurrency" in
    github.com/hashicorp/terraform/issues/24957 and github.com/hashicorp/terraform-provider-aws/pull/48116.
    """
    settings = subject.settings
    if settings and settings.canary and settings.instances.minimum:
        reason = "AWS Lambda keeps no instances warm for an alias with weights"
        hint = (
            "Write canary: none. Or deploy once with instances: {min: 0}, as production has 1 without it, and with "
            "--canary none; after that, new versions can be canaries."
        )
        yield refuse("canary", f"not with instances.min = {settings.instances.minimum}: {reason}", hint)


def check_gateway_headers(subject: RuleSubject) -> Iterator[Finding]:
    """The value of a header that is set stands between quotes, and nothing escapes one in it.

    Source: API Gateway's developer guide, "Mapping API request and response data" (static values).
    """
    for name, api in subject.platform.gateway.apis.items() if subject.platform else ():
        for header, value in api.request_headers.set.items():
            if "'" in value:
                at = f"gateway.apis.{make_printable(name)}.request_headers.set.{make_printable(header)}"
                yield refuse(at, "API Gateway takes no ' in the value of a header", "Leave it out.")


def check_gateway_addresses(subject: RuleSubject) -> Iterator[Finding]:
    """An API below the path of another has its addresses: a resource policy denies all that is below a path.

    Source: API Gateway's developer guide, "API Gateway resource policy examples".
    """
    apis = subject.platform.gateway.apis if subject.platform else {}
    paths = {name: find_whole_path(name, api).rstrip("/") for name, api in apis.items()}
    for name, api in apis.items():
        for above, other in apis.items():
            is_below = above != name and f"{paths[name]}/".startswith(f"{paths[above]}/")
            if is_below and other.allow_ips and sorted(api.allow_ips or ()) != sorted(other.allow_ips):
                reason = f"it is below the path of '{make_printable(above)}', whose addresses hold there, too"
                hint = "Write the same addresses, or choose a path elsewhere."
                yield refuse(f"gateway.apis.{make_printable(name)}.allow_ips", reason, hint)


def check_gateway_authorizers(subject: RuleSubject) -> Iterator[Finding]:
    """A REST API has so many authorizers (its developer guide, quotas); each API with a login or a token has one."""
    apis = subject.platform.gateway.apis if subject.platform else {}
    asking = sum(api.login is True or api.jwt is not None for api in apis.values())
    if asking > _MOST_AUTHORIZERS:
        reason = f"{asking} of them ask for a login or a token, and API Gateway takes {_MOST_AUTHORIZERS}"
        yield refuse("gateway.apis", reason, "Join those that ask for the same.")


def check_gateway_variables(subject: RuleSubject) -> Iterator[Finding]:
    """A place in the paths of a gateway has a variable for one segment, or one for the rest, not both.

    Source: its answer "A sibling ({id}) of this resource already has a variable path part -- only one is allowed".
    """
    found: dict[str, tuple[bool, str]] = {}
    for name, api in subject.platform.gateway.apis.items() if subject.platform else ():
        paths = [it.path for it in api.operations] if api.operations is not None else ["/{path+}"]
        for path in paths:
            place = ""
            for segment in f"{find_whole_path(name, api)}/{path}".split("/"):
                is_variable, is_greedy = segment.startswith("{"), segment.endswith("+}")
                known = found.setdefault(place, (is_greedy, f"{segment} of '{name}'")) if is_variable else None
                if known and known[0] is not is_greedy:
                    at = f"gateway.apis.{make_printable(name)}.operations"
                    reason = f"{make_printable(segment)} is at the same place as {make_printable(known[1])}"
                    yield refuse(
                        at, f"{reason}, and API Gateway takes one of them", "Write one kind of variable there."
                    )
                place += f"/{'{}' if is_variable else segment}" if segment else ""


AWS_RULES = DeclarativeCloudRules(
    AWS_LIMITS,
    (
        *(check_network_ids, check_concurrency, check_origin_patterns, check_path_variables, check_variables_size),
        *(check_warm_canary, check_gateway_headers, check_gateway_variables),
        *(check_gateway_addresses, check_gateway_authorizers),
        check_way_to_images,
        *(warn_of_tasks, warn_of_departures(find_aws_departures)),
    ),
    explain_refusal=explain_missing_log_role,
)
