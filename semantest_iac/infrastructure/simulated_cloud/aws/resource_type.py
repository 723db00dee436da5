"""What every AWS type has: inputs as they are published, a region and tags, an id, an ARN and references.

References are found by the names of inputs alone: AWS calls inputs that name something alike in all services.

How a type is added is written in `docs/simulated-types.md`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    CFN,
    DOC,
    OBSERVED,
    Count,
    Evidence,
    Length,
    Property,
    ValueKind,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    PropertyRefinement,
    PublishedType,
    SchemaFolder,
    apply_refinements,
    change_kind,
    refine,
    refine_elements,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    DeferredRule,
    OnDelete,
    OutputSource,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)

_REGION_AND_TAGS: Final[Mapping[str, OutputSource]] = {
    "region": "{region}",
    "tagsAll": lambda facts: facts["tags"] or {},
}
_SCHEMAS: Final = SchemaFolder(Path(__file__).with_name("schemas"), CFN)
_NO_REFINEMENTS: Final[Mapping[str, PropertyRefinement]] = {}
_NO_OUTPUTS: Final[Mapping[str, OutputSource]] = {}

_ACCOUNT_OUTPUTS: Final = ("accountId", "owner", "ownerId", "registryId")
_TIME_OUTPUT: Final = re.compile(
    r"^(create|creation|created|lastModified|lastUpdated|updated)(At|Date|Time|Timestamp)?$"
)
_UNORDERED: Final = re.compile(r"(^s|S)(ubnetIds|ecurityGroupIds|ubnets|ecurityGroups)$")
_EMPTY_VALUES: Final[Mapping[str, Any]] = {
    "string": "",
    "json": "",
    "boolean": False,
    "integer": 0,
    "number": 0,
    "[": (),
    "{": {},
}


@dataclass(frozen=True, slots=True)
class AwsType:
    """A type of AWS: its token, and templates where what is published does not say them.

    `id`: Pulumi's id; by default the primary identifier of CloudFormation. `arn`: by default that of IAM's list, with
    the name, or else the id, in it. `name_input`: the input that gets a generated name; by default the identifying
    one, or `name`.
    """

    token: str
    id: OutputSource = ""
    arn: str = ""
    name_input: str | None = None

    def rule(
        self,
        refinements: Mapping[str, PropertyRefinement] = _NO_REFINEMENTS,
        *,
        computed: Mapping[str, OutputSource] = _NO_OUTPUTS,
        exists: Refusal | None = None,
        references: tuple[ResourceReference, ...] = (),
        conditions: tuple[Choice | Any, ...] = (),
        **more: Any,
    ) -> TypeRule:
        """Combine what all types have with what this type has; further keywords are those of TypeRule.

        `exists` is the refusal of a create where there is one with the same identity. References replace those that
        follow from the names of inputs.
        """

        def build() -> TypeRule:
            published = _SCHEMAS.read(self.token)
            known = _Facts(self, published)
            inputs = apply_refinements(published.inputs, dict(known.common_refinements()), refinements)
            others = {name: source for name, source in known.other_outputs() if name not in computed}
            defaults: dict[str, Any] = {
                "account_wide": "region" not in inputs,
                "name_input": known.name_input,
                "planned": {name: source for name, source in _REGION_AND_TAGS.items() if known.has(name)},
                "handles": ("{arn}",) if known.has("arn") else (),
                "unique": known.unique(exists),
            }
            return TypeRule(
                properties=inputs,
                identity=known.id,
                computed={**others, **dict(known.identifying_outputs()), **computed},
                references=(*_without(_convention_references(inputs, (known.name_input,)), references), *references),
                conditions=(*known.conditions(), *conditions),
                **defaults | more,
            )

        return DeferredRule(build)


@dataclass(frozen=True)
class _Facts:
    """What follows from the schema of a type."""

    type: AwsType
    published: PublishedType

    def has(self, name: str) -> bool:
        return name in self.published.inputs or name in self.published.facts["outputs"]

    @cached_property
    def _identifier(self) -> list[str]:
        names: list[str] = self.published.facts["identifier"]
        return names if all(self.has(name) for name in names) else []

    @cached_property
    def name_input(self) -> str:
        if self.type.name_input is not None:
            return self.type.name_input
        names = (*self._identifier, "name")
        return next((name for name in names if name in self._optional_inputs), "")

    @cached_property
    def _optional_inputs(self) -> list[str]:
        """The inputs for which the cloud chooses where nothing is written."""
        return [name for name, known in self.published.inputs.items() if known.computed_default]

    @cached_property
    def id(self) -> OutputSource:
        if self.type.id:
            return self.type.id
        if len(self._identifier) != 1:
            raise ValueError(f"{self.type.token}: no id is published; say it")
        return f"{{{self._identifier[0]}}}"

    @cached_property
    def arn(self) -> str:
        if self.type.arn or not self.has("arn"):
            return self.type.arn
        template, id_ = str(self.published.facts["arn"]), str(self.id)
        return template.replace("{}", f"{{{self.name_input or 'uuid'}}}" if id_ in ("{arn}", "{url}") else id_)

    @cached_property
    def _is_named(self) -> bool:
        """True where the name tells the resource from others, and so cannot change."""
        return self.name_input in self._identifier or f"{{{self.name_input}}}" in self.arn

    def unique(self, refusal: Refusal | None) -> tuple[UniqueHandle, ...]:
        """Claim the identifying name, or else the id where the inputs make it."""
        template = self.id if isinstance(self.id, str) else ""
        handle = f"{{{self.name_input}}}" if self._is_named else template
        made_of = set(re.findall(r"{(\w+)}", handle))
        if not made_of or not made_of <= self.published.inputs.keys():
            return ()
        noun = self.type.token.rpartition(":")[2]
        return (UniqueHandle(handle, refusal or Refusal("AlreadyExists", f"{noun} '{handle}' already exists.", 409)),)

    def conditions(self) -> Iterator[Choice]:
        """A name and a prefix of one exclude each other in every type that takes both."""
        if self.has(f"{self.name_input}Prefix"):
            yield Choice(0, 1, (self.name_input, f"{self.name_input}Prefix"), DOC)

    def common_refinements(self) -> Iterator[tuple[str, PropertyRefinement]]:
        inputs = self.published.inputs
        if "region" in inputs:
            yield "region", refine(force_new=True, computed_default=True)
        if "tags" in inputs:
            yield "tags", _refine_tags
        names = (self.name_input, f"{self.name_input}Prefix") if self._is_named else (f"{self.name_input}Prefix",)
        yield from ((name, refine(force_new=True)) for name in names if name in inputs)
        for name, known in inputs.items():
            if known.kind is ValueKind.LIST and _UNORDERED.search(name):
                yield name, change_kind(ValueKind.SET)

    def identifying_outputs(self) -> Iterator[tuple[str, OutputSource]]:
        """Yield the identifier and the ARN, which others are made of."""
        outputs = self.published.facts["outputs"]
        yield from ((name, "{uuid}") for name in self._identifier if name in outputs and name != "arn")
        if self.arn:
            yield "arn", self.arn

    def other_outputs(self) -> Iterator[tuple[str, OutputSource]]:
        """Yield what else the cloud reports, by its name or else its kind."""
        outputs: Mapping[str, str] = self.published.facts["outputs"]
        for name, kind in outputs.items():
            if name not in ("arn", "tagsAll", *self._identifier):
                yield name, _output_by_name(name, kind.removesuffix("?"))
        for name in self._optional_inputs:
            declared = self.published.facts["inputs"][name]
            advisory = declared.get("advisory", {}) if isinstance(declared, dict) else {}
            if "default" in advisory:
                yield name, _constant(advisory["default"])
            elif self.published.inputs[name].kind in (ValueKind.LIST, ValueKind.SET):
                yield name, _constant(())


def _refine_tags(tags: Property) -> Property:
    return refine_elements(Length(0, 256, DOC))(refine(Count(0, 50, DOC))(tags))


def _output_by_name(name: str, kind: str) -> OutputSource:
    if name in _ACCOUNT_OUTPUTS:
        return "{account}"
    if kind == "string" and _TIME_OUTPUT.match(name):
        return "{now}"
    return _constant(_EMPTY_VALUES.get(kind, _EMPTY_VALUES.get(kind[0], {})))


def _constant(value: Any) -> OutputSource:
    return lambda _facts: list(value) if isinstance(value, tuple) else value


def _without(
    found: tuple[ResourceReference, ...], written: tuple[ResourceReference, ...]
) -> tuple[ResourceReference, ...]:
    paths = {reference.path for reference in written}
    return tuple(reference for reference in found if reference.path not in paths)


_DEEPEST: Final = 3
"""Levels of blocks in which references are looked for; blocks of some types contain themselves."""


@dataclass(frozen=True, slots=True)
class _Convention:
    """What inputs of these names refer to; a pattern leaves out what AWS itself owns and no account makes."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    refusal: Refusal
    evidence: Evidence
    fact_name: str
    pattern: str = ""
    on_delete: OnDelete = OnDelete.ALLOW

    def at(self, path: str, *, is_part: bool) -> ResourceReference:
        """Return the reference of an input; only what stays a part of the same resource goes with it."""
        return ResourceReference(
            path,
            self.types,
            self.refusal,
            self.evidence,
            fact_name=self.fact_name,
            pattern=self.pattern,
            on_delete=self.on_delete if is_part or self.on_delete is not OnDelete.CASCADE else OnDelete.ALLOW,
        )


_CONVENTIONS: Final = (
    _Convention(
        ("vpcId",),
        ("aws:ec2/vpc:Vpc",),
        Refusal("InvalidVpcID.NotFound", "The vpc ID '{value}' does not exist"),
        OBSERVED,
        "vpc",
        on_delete=OnDelete.REFUSE,
    ),
    _Convention(
        ("subnetId", "subnetIds.*", "subnets.*"),
        ("aws:ec2/subnet:Subnet",),
        Refusal("InvalidSubnetID.NotFound", "The subnet ID '{value}' does not exist"),
        OBSERVED,
        "subnet",
        on_delete=OnDelete.REFUSE,
    ),
    _Convention(
        ("securityGroupId", "securityGroupIds.*", "securityGroups.*", "vpcSecurityGroupIds.*"),
        ("aws:ec2/securityGroup:SecurityGroup",),
        Refusal("InvalidGroup.NotFound", "The security group '{value}' does not exist"),
        OBSERVED,
        "security group",
        on_delete=OnDelete.REFUSE,
    ),
    _Convention(
        ("executionRoleArn", "monitoringRoleArn", "roleArn", "serviceRoleArn", "taskRoleArn"),
        ("aws:iam/role:Role",),
        Refusal("NoSuchEntity", "The role {value} cannot be found.", 404),
        API,
        "role_found",
        pattern=r"^(arn:aws:iam::\d{12}:role/(?!aws-service-role/).+)$",
    ),
    _Convention(
        ("kmsKey", "kmsKeyArn", "kmsKeyId", "kmsMasterKeyId", "targetKeyId"),
        ("aws:kms/key:Key", "aws:kms/alias:Alias"),
        Refusal("NotFoundException", "Key '{value}' does not exist"),
        API,
        "key",
        pattern=r"^((?!.*alias/aws/).+)$",
    ),
    _Convention(
        ("notificationTopicArn", "snsTopicArn", "topicArn"),
        ("aws:sns/topic:Topic",),
        Refusal("NotFoundException", "Topic does not exist", 404),
        API,
        "topic_found",
    ),
    _Convention(
        ("queueUrl",),
        ("aws:sqs/queue:Queue",),
        Refusal("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
        API,
        "queue",
        on_delete=OnDelete.CASCADE,
    ),
    _Convention(
        ("bucket", "bucketName"),
        ("aws:s3/bucket:Bucket",),
        Refusal("NoSuchBucket", "The specified bucket does not exist", 404),
        API,
        "bucket_found",
        on_delete=OnDelete.CASCADE,
    ),
    _Convention(
        ("logGroupName",),
        ("aws:cloudwatch/logGroup:LogGroup",),
        Refusal("ResourceNotFoundException", "The specified log group does not exist."),
        API,
        "log_group",
        on_delete=OnDelete.CASCADE,
    ),
    _Convention(
        ("secretArn", "secretId"),
        ("aws:secretsmanager/secret:Secret",),
        Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        API,
        "secret",
    ),
)
_BY_NAME: Final = {name: convention for convention in _CONVENTIONS for name in convention.names}


def _convention_references(inputs: Mapping[str, Property], without: Collection[str]) -> tuple[ResourceReference, ...]:
    """Return the references of a type by the names of its inputs, at the places where those inputs are."""
    fixed = {name for name, rule in inputs.items() if rule.required and rule.force_new}
    return tuple(
        _BY_NAME[name].at(path, is_part=path in fixed)
        for name, path in _text_paths(inputs, "", _DEEPEST)
        if name in _BY_NAME and path not in without
    )


def _text_paths(fields: Mapping[str, Property], prefix: str, levels: int) -> Iterator[tuple[str, str]]:
    """Yield the last steps and the path of each text."""
    for name, rule in fields.items():
        is_collection = rule.kind in (ValueKind.LIST, ValueKind.SET) and rule.items is not None
        element = rule.items if is_collection and rule.items else rule
        step = f"{name}.*" if is_collection else name
        if element.kind is ValueKind.TEXT:
            yield step, f"{prefix}{step}"
        elif element.kind is ValueKind.BLOCK and levels:
            yield from _text_paths(element.fields, f"{prefix}{step}.", levels - 1)
