"""Deploys a stack with Pulumi's own engine: `deployer.py FOLDER DEBUG_PROVIDERS`, one command and one report per line.

A command is `[name, program, arguments]` as JSON. It is a process of its own because the SDK leaves coroutines behind
in a process whose programs failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import automation
from pulumi.automation._stack import StackInitMode

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def nothing() -> None:
    """No resources."""


def role(**arguments: Any) -> None:
    """One role."""
    options = pulumi.ResourceOptions(**arguments.pop("opts", {}))
    aws.iam.Role("role", assume_role_policy=TRUST, opts=options, **arguments)


def service(folder: str, memory: int = 128, secret: str = "") -> None:
    """A role, a function with it, and a permission on the function."""
    created = aws.iam.Role("role", assume_role_policy=TRUST)
    function = aws.lambda_.Function(
        "function",
        role=created.arn,
        runtime="nodejs22.x",
        handler="index.handler",
        memory_size=memory,
        code=pulumi.FileArchive(folder),
        environment={"variables": {"PLAIN": "plain", "TOKEN": pulumi.Output.secret(secret)}} if secret else None,
    )
    aws.lambda_.Permission(
        "permission", action="lambda:InvokeFunction", function=function.name, principal="apigateway.amazonaws.com"
    )
    pulumi.export("environment", function.environment)


def topics(count: int = 0, regions: list[str] | None = None) -> None:
    """`count` topics, and one in each region with a provider of its own."""
    for number in range(count):
        aws.sns.Topic(f"topic-{number}")
    for region in regions or []:
        provider = aws.Provider(region, region=region)
        aws.sns.Topic(f"in-{region}", opts=pulumi.ResourceOptions(provider=provider))
        answer = aws.get_region_output(opts=pulumi.InvokeOptions(provider=provider))
        pulumi.export(region, answer.region)


def read_role(name: str) -> None:
    """A role that is read, not created."""
    pulumi.export("arn", aws.iam.Role.get("role", name).arn)


def secret_name(name: str) -> None:
    """A role whose name is secret."""
    role(name=pulumi.Output.secret(name))


def workgroup() -> None:
    """A type without rules in the simulated cloud."""
    aws.athena.Workgroup("workgroup")


PROGRAMS: dict[str, Callable[..., None]] = {
    program.__name__: program for program in (nothing, role, service, topics, read_role, secret_name, workgroup)
}


class Stack(automation.Stack):
    """Starts the CLI only for the command: the tests read events and state themselves."""

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:
        return automation.UpdateSummary("", datetime.now(UTC), "", {}, {}, "succeeded")


def _stack(folder: Path, debug_providers: str) -> Stack:
    settings = automation.ProjectSettings(
        "proj", "python", backend=automation.ProjectBackend(f"file://{folder / 'backend'}")
    )
    workspace = automation.LocalWorkspace(
        pulumi_home=str(folder / "pulumi-home"),
        pulumi_command=automation.PulumiCommand(root=str(folder)),
        project_settings=settings,
        program=nothing,
        env_vars={
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "passphrase"),
            "PULUMI_DEBUG_PROVIDERS": debug_providers,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        },
    )
    return Stack("dev", workspace, StackInitMode.CREATE)


def _run_command(stack: Stack, command: str, program: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run a command and report its steps, counts and error."""
    report: dict[str, Any] = {"steps": [], "changes": {}, "error": ""}

    def on_event(event: automation.EngineEvent) -> None:
        started = event.resource_pre_event
        if started and started.metadata.op != "same" and not started.metadata.type.startswith("pulumi:"):
            report["steps"].append([started.metadata.op, started.metadata.urn.rpartition("::")[2]])
        if event.summary_event:
            report["changes"] = event.summary_event.resource_changes

    stack.workspace.program = lambda: PROGRAMS[program](**arguments)
    try:
        getattr(stack, command)(on_event=on_event)
    except automation.CommandError as error:
        report["error"] = str(error)
    return report


def main(folder: str, debug_providers: str) -> None:
    """Run commands until standard input ends."""
    stack = _stack(Path(folder), debug_providers)
    for line in sys.stdin:
        print(json.dumps(_run_command(stack, *json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
