"""What the keys of a Serverless Framework service mean here: those that are used, mean nothing, or are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semantest_iac.infrastructure.configuration.conversion.notes import ConversionNotes
from semantest_iac.infrastructure.configuration.conversion.serverless.variables import UnresolvedValue
from semantest_iac.infrastructure.configuration.layers import KeyPath

_NOTHING_ELSE = "has no setting here"
_RIGHTS = (
    "Each function gets a role with the rights on what it names: `resources`, `tables`, `buckets`, `sends_to`, `calls`."
)

USED_KEYS: Mapping[str, frozenset[str]] = {
    "service": frozenset({"service", "provider", "functions", "resources", "package", "plugins", "custom", "params"}),
    "provider": frozenset(
        {"name", "runtime", "stage", "region", "memorySize", "timeout", "environment", "httpApi", "vpc", "tags"}
        | {"stackTags", "tracing", "logRetentionInDays"}
    ),
    "functions": frozenset({"handler", "runtime", "memorySize", "timeout", "environment", "events"}),
}
MEANINGLESS_KEYS: Mapping[str, frozenset[str]] = {
    "service": frozenset(
        {"frameworkVersion", "org", "app", "tenant", "console", "configValidationMode", "deprecationNotificationMode"}
        | {"useDotenv", "variablesResolutionMode", "disabledDeprecations", "projectDir", "stages", "build"}
        | {"unresolvedVariablesNotificationMode"}
    ),
    "provider": frozenset(
        {"lambdaHashingVersion", "versionFunctions", "deploymentMethod", "deploymentBucket", "deploymentPrefix"}
        | {"profile", "stackName", "apiName", "disableRollback", "rollbackConfiguration", "cfnRole"}
        | {"notificationArns", "eventBridge"}
    ),
    "functions": frozenset({"description"}),
}
_LEFT_OUT: Mapping[str, tuple[str, str]] = {
    "iam": ("rights are not copied", _RIGHTS),
    "iamRoleStatements": ("rights are not copied", _RIGHTS),
    "iamRoleStatementsInherit": ("rights are not copied", _RIGHTS),
    "role": ("a role of one's own is not used", _RIGHTS),
    "layers": ("layers are not used", "Put what is in the layer into the source, or name it as a dependency."),
    "image": ("functions of images are not deployed", "A `services` component runs images."),
    "ecr": ("functions of images are not deployed", "A `services` component runs images."),
    "name": ("names in the cloud are this tool's own", "Callers by name find it in the outputs."),
    "package": ("functions of a component have one package", "Write `package` of the component."),
    "endpointType": ("an API is regional", ""),
    "resourcePolicy": ("who may call an API is not copied", ""),
    "vpcEndpointIds": ("an API inside of a network is a `gateway` of a platform", "docs/api-gateway.md"),
    "url": ("a function has no address of its own", "Add a route for it."),
    "apiGateway": ("settings of REST APIs are not copied", "Keys, quotas and usage plans: docs/api-gateway.md."),
    "apiKeys": ("keys of APIs are not copied", "Keys, quotas and usage plans: docs/api-gateway.md."),
    "usagePlan": ("keys of APIs are not copied", "Keys, quotas and usage plans: docs/api-gateway.md."),
    "websocketsApiName": ("names in the cloud are this tool's own", ""),
    "websocketsApiRouteSelectionExpression": (
        "a handler gets every message",
        "Look at the body in the handler.",
    ),
    "reservedConcurrency": ("`instances.max` holds for each function", "Write `instances: {max: …}`."),
    "provisionedConcurrency": (
        "`instances.min` holds for each function",
        "Write `instances: {min: …}`.",
    ),
    "vpc": ("a network holds for every function of a component", "Write `network` of the component."),
    "tags": ("tags hold for every function of a component", "Write `tags` of the component."),
    "tracing": ("tracing holds for all functions", "Write `features: {tracing: true}`."),
    "logRetentionInDays": ("log retention holds for all functions", "Write `monitoring: {log_retention_days: …}`."),
    "onError": ("calls that failed are not passed on", "Messages of queues have dead letters: docs/messaging.md."),
    "destinations": ("results are not passed on", "Let the function send a message: `sends_to`."),
    "architecture": ("functions run on x86_64", "Build compiled modules for it; packages are made for it."),
    "ephemeralStorageSize": ("the folder for temporary files has 512 MB", ""),
    "outputs": ("outputs are this tool's own", "`semantest-iac outputs` shows them."),
    "extensions": ("changes of CloudFormation's template have no place here", ""),
    "logs": ("logs of an API are `features.access_logs`", ""),
    "alb": ("load balancers call no function here", "Add a route."),
    "warmup": ("no call keeps instances warm", "Write `instances: {min: 1}`."),
}
_PLUGINS: Mapping[str, str] = {
    "serverless-offline": "Not needed: `semantest-iac serve` runs the stack here.",
    "serverless-esbuild": "Not needed: TypeScript is bundled when it is packaged.",
    "serverless-bundle": "Not needed: TypeScript is bundled when it is packaged.",
    "serverless-plugin-typescript": "Not needed: TypeScript is bundled when it is packaged.",
    "serverless-webpack": "TypeScript is bundled when it is packaged; a build of your own is `build`.",
    "serverless-python-requirements": "Not needed: what requirements.txt names is packaged.",
    "serverless-dotenv-plugin": "Name the variables in `environment`; values come from ${env.NAME} and .env.",
    "serverless-wsgi": "Not needed: an `app` is called by its name.",
    "serverless-iam-roles-per-function": "Not needed: each function has a role of its own.",
    "serverless-prune-plugin": "Not needed: old versions are removed.",
    "serverless-domain-manager": "REST APIs have no domain of their own here.",
    "serverless-dynamodb-local": "Not needed: `serve` has tables of its own here.",
    "serverless-pseudo-parameters": "Not needed.",
}
CATCH_ALL_PATTERNS = frozenset({"*", "**", "**/*", "./**", "./*", "./**/*"})


def note_unused_keys(notes: ConversionNotes, section: str, values: Mapping[str, Any], path: KeyPath) -> None:
    """Say of every key of a section that is not taken over what to do in its place."""
    for key in values:
        if isinstance(values[key], UnresolvedValue):
            unknown = values[key]
            notes.leave_out((*path, key), f"{unknown.expression} {unknown.reason}", "Write the value here.")
            continue
        if key in USED_KEYS[section] or key in MEANINGLESS_KEYS[section]:
            continue
        reason, hint = _LEFT_OUT.get(key, (_NOTHING_ELSE, ""))
        notes.leave_out((*path, key), reason, hint)


def note_plugins(notes: ConversionNotes, plugins: Any) -> None:
    """Say of each plugin that it does not run here."""
    modules = plugins.get("modules") if isinstance(plugins, dict) else plugins
    for index, name in enumerate(modules if isinstance(modules, list) else ()):
        hint = _PLUGINS.get(str(name), "What it does has to be done in another way.")
        notes.leave_out(("plugins", index), f"the plugin {name} is not run", hint)


def translate_package(notes: ConversionNotes, package: Any) -> dict[str, list[str]]:
    """Return the key `package` of a component."""
    if not isinstance(package, dict):
        return {}
    patterns = [
        f"{sign}{pattern}"
        for key, sign in (("patterns", ""), ("exclude", "!"), ("include", ""))
        for pattern in _read_patterns(notes, package, key)
    ]
    for key in package.keys() - {"patterns", "exclude", "include", "individually", "excludeDevDependencies"}:
        notes.leave_out(("package", key), _NOTHING_ELSE, "A `source` is a folder, or a zip file.")
    excluded = [one[1:].removeprefix("./") for one in patterns if one.startswith("!")]
    included = [one.removeprefix("./") for one in patterns if not one.startswith("!")]
    included = [one for one in included if not one.startswith("node_modules")]  # packaged without being named
    if any(one in CATCH_ALL_PATTERNS for one in excluded):
        hint = "Write `package.exclude` with what is to be left out; it is stronger than `include`."
        notes.leave_out(("package",), "leaves out everything and takes single files in again", hint)
        return {}
    if modules := [one for one in excluded if one.startswith("node_modules")]:
        hint = "Name what is only needed to develop under devDependencies, which are not packaged."
        notes.leave_out(("package",), f"leaves out {', '.join(modules)}, which functions may need", hint)
        excluded = [one for one in excluded if one not in modules]
    translated = {"exclude": excluded, "include": [one for one in included if one not in CATCH_ALL_PATTERNS]}
    return {key: value for key, value in translated.items() if value}


def _read_patterns(notes: ConversionNotes, package: Mapping[str, Any], key: str) -> list[str]:
    """Return the texts of a list, and say where there is something else."""
    written = package.get(key) or []
    patterns = [one for one in written if isinstance(one, str)] if isinstance(written, list) else []
    if not isinstance(written, list) or len(patterns) != len(written):
        notes.leave_out(("package", key), "has something else than patterns", "Write `package` of the component.")
    return patterns
