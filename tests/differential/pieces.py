"""Programs as values: lists of pieces, which one Pulumi program turns into resources, whatever engine runs it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
_RETENTIONS = (1, 3, 5)


@dataclass(frozen=True)
class Options:
    """What a piece says about the way to its goal; None and empty mean that it does not speak of it."""

    protect: bool = False
    retain: bool = False
    delete_first: bool | None = None
    ignore: tuple[str, ...] = ()
    replace_on: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    former: str = ""


@dataclass(frozen=True)
class Piece:
    """One resource; what it `uses` and its parent are pieces of the same program, told by their ids.

    `label` changes in place, `fixed` is a physical name of its own (0: none), `shape` is what only a replacement
    changes. `called` is its name in the program.
    """

    id: str
    kind: str
    called: str
    uses: str = ""
    parent: str = ""
    label: int = 0
    fixed: int = 0
    shape: int = 0
    secret: bool = False
    options: Options = Options()


Program = tuple[Piece, ...]


@dataclass(frozen=True)
class _Site:
    """What a kind needs to make its resource: the logical and the physical name, and the resource that it uses."""

    name: str
    physical: str | None
    used: Any
    options: pulumi.ResourceOptions
    piece: Piece

    @property
    def label(self) -> Any:
        """A text that changes in place."""
        text = f"v{self.piece.label}"
        return pulumi.Output.secret(text) if self.piece.secret else text


def load_sdk() -> None:
    """Load what the kinds need; the SDK warns of classes of its own while it loads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for module in ("apigatewayv2", "cloudwatch", "ec2", "iam", "secretsmanager", "sns"):
            getattr(getattr(aws, module), "touched", None)


def play(programs: Mapping[str, Program]) -> None:
    """Make the resources of all programs; each has the names under its key for itself."""
    for prefix, program in programs.items():
        made: dict[str, pulumi.Resource] = {}
        for piece in program:
            made[piece.id] = _make(prefix, piece, made)
        pulumi.export(prefix, {piece.called: getattr(made[piece.id], "id", made[piece.id].urn) for piece in program})


def _make(prefix: str, piece: Piece, made: Mapping[str, pulumi.Resource]) -> pulumi.Resource:
    physical = f"{prefix}-{piece.id}-n{piece.fixed}" if piece.fixed else None
    site = _Site(f"{prefix}-{piece.called}", physical, made.get(piece.uses), _options(prefix, piece, made), piece)
    resource: pulumi.Resource = KINDS[piece.kind].make(site)
    return resource


def _options(prefix: str, piece: Piece, made: Mapping[str, pulumi.Resource]) -> pulumi.ResourceOptions:
    said = piece.options
    return pulumi.ResourceOptions(
        parent=made.get(piece.parent),
        depends_on=[made[need] for need in said.needs if need in made],
        protect=said.protect or None,
        retain_on_delete=said.retain or None,
        delete_before_replace=said.delete_first,
        ignore_changes=list(said.ignore),
        replace_on_changes=list(said.replace_on),
        additional_secret_outputs=list(said.hide),
        aliases=[pulumi.Alias(name=f"{prefix}-{said.former}")] if said.former else None,
    )


def _topic(site: _Site) -> Any:
    fifo = site.piece.shape % 2 == 1
    return aws.sns.Topic(
        site.name,
        name=f"{site.physical}.fifo" if fifo and site.physical else site.physical,
        fifo_topic=fifo,
        display_name=site.label,
        tags={"label": f"v{site.piece.label}"},
        opts=site.options,
    )


def _subscription(site: _Site) -> Any:
    return aws.sns.TopicSubscription(
        site.name,
        topic=site.used.arn,
        protocol="email",
        endpoint=f"s{site.piece.shape}@example.org",
        filter_policy=json.dumps({"label": [f"v{site.piece.label}"]}),
        opts=site.options,
    )


def _alarm(site: _Site) -> Any:
    return aws.cloudwatch.MetricAlarm(
        site.name,
        name=site.physical,
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        metric_name="Errors",
        namespace="AWS/Lambda",
        period=60,
        statistic="Sum",
        threshold=site.piece.shape,
        alarm_description=site.label,
        alarm_actions=[site.used.arn],
        opts=site.options,
    )


def _log_group(site: _Site) -> Any:
    return aws.cloudwatch.LogGroup(
        site.name,
        name=site.physical,
        retention_in_days=_RETENTIONS[site.piece.label % 3],
        log_group_class=("STANDARD", "INFREQUENT_ACCESS")[site.piece.shape % 2],
        tags={"label": site.label},
        opts=site.options,
    )


def _role(site: _Site) -> Any:
    return aws.iam.Role(
        site.name,
        name=site.physical,
        assume_role_policy=_TRUST,
        path=f"/s{site.piece.shape}/",
        description=site.label,
        opts=site.options,
    )


def _policy(site: _Site) -> Any:
    statement = {"Effect": "Allow", "Action": "logs:*", "Resource": f"arn:aws:logs:*:*:v{site.piece.label}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return aws.iam.RolePolicy(site.name, name=site.physical, role=site.used.id, policy=document, opts=site.options)


def _secret(site: _Site) -> Any:
    return aws.secretsmanager.Secret(
        site.name,
        name=site.physical,
        description=site.label,
        recovery_window_in_days=0,
        opts=site.options,
    )


def _version(site: _Site) -> Any:
    text = pulumi.Output.secret(f"canary-v{site.piece.label}")
    return aws.secretsmanager.SecretVersion(site.name, secret_id=site.used.id, secret_string=text, opts=site.options)


def _vpc(site: _Site) -> Any:
    return aws.ec2.Vpc(
        site.name,
        cidr_block=f"10.{site.piece.shape}.0.0/16",
        enable_dns_hostnames=site.piece.label % 2 == 1,
        tags={"label": site.label},
        opts=site.options,
    )


def _subnet(site: _Site) -> Any:
    return aws.ec2.Subnet(
        site.name,
        vpc_id=site.used.id,
        cidr_block=site.used.cidr_block.apply(lambda block: block.replace("/16", "/24")),
        tags={"label": site.label},
        opts=site.options,
    )


def _api(site: _Site) -> Any:
    return aws.apigatewayv2.Api(
        site.name,
        name=site.physical,
        protocol_type=("HTTP", "WEBSOCKET")[site.piece.shape % 2],
        route_selection_expression=("$request.method $request.path", "$request.body.action")[site.piece.shape % 2],
        description=site.label,
        opts=site.options,
    )


def _integration(site: _Site) -> Any:
    return aws.apigatewayv2.Integration(
        site.name,
        api_id=site.used.id,
        integration_type="HTTP_PROXY",
        integration_method="GET",
        integration_uri=f"https://example.org/v{site.piece.label}",
        opts=site.options,
    )


class _Group(pulumi.ComponentResource):
    def __init__(self, name: str, label: Any, options: pulumi.ResourceOptions) -> None:
        super().__init__("differential:index:Group", name, {"label": label}, options)
        self.register_outputs({"label": label})


def _group(site: _Site) -> pulumi.Resource:
    return _Group(site.name, site.label, site.options)


def _look(site: _Site) -> Any:
    """A resource that another piece keeps, read by its id."""
    return aws.sns.Topic.get(site.name, site.used.id, opts=site.options)


@dataclass(frozen=True)
class Kind:
    """How pieces of a kind are made, which kind they use (empty: none), and which outputs and inputs they have."""

    make: Callable[[_Site], Any]
    uses: str = ""
    outputs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "topic": Kind(_topic, "", ("displayName", "arn"), ("displayName", "tags", "tags.label", "fifoTopic")),
    "subscription": Kind(_subscription, "topic", ("arn",), ("filterPolicy", "endpoint")),
    "alarm": Kind(_alarm, "topic", ("alarmDescription",), ("threshold", "alarmDescription", "alarmActions[0]")),
    "log_group": Kind(_log_group, "", ("arn",), ("retentionInDays", "tags.label", "tags[*]", "logGroupClass")),
    "role": Kind(_role, "", ("arn", "uniqueId"), ("description", "path")),
    "policy": Kind(_policy, "role", ("policy",), ("policy",)),
    "secret": Kind(_secret, "", ("arn",), ("description",)),
    "version": Kind(_version, "secret", ("arn",), ("secretString",)),
    "vpc": Kind(_vpc, "", ("cidrBlock",), ("tags", "enableDnsHostnames", "cidrBlock")),
    "subnet": Kind(_subnet, "vpc", ("arn",), ("tags",)),
    "api": Kind(_api, "", ("apiEndpoint",), ("description", "*")),
    "integration": Kind(_integration, "api", ("integrationUri",), ("integrationUri",)),
    "group": Kind(_group),
    "look": Kind(_look, "topic"),
}


def named(programs: Iterable[Program], prefix: str = "s") -> dict[str, Program]:
    """The programs, each under a name of its own."""
    return {f"{prefix}{number}": program for number, program in enumerate(programs)}
