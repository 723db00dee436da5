"""Writes the schemas of AWS's resource types, which the simulated cloud checks.

`python tools/generate_aws_schemas.py` writes the files; with `--check` it writes nothing and exits with 1 if one is
stale. Requires `pulumi-aws` and `cfn-lint`. Firm: names, kinds and what is required come from the classes of Pulumi's
SDK, limits and replacements from the CloudFormation schemas that cfn-lint carries, templates of ARNs from its list of
IAM actions. Advisory: limits and defaults that the texts of the SDK mention.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
import warnings
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cfnlint
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tools.aws_resources import RESOURCES, Source
from tools.published_schemas import (
    SIMULATED_CLOUD,
    Input,
    Node,
    SdkInputs,
    module_of,
    outputs_of,
    render_files,
    shorten,
    write_or_check,
)

TARGET = SIMULATED_CLOUD / "aws/schemas"
COMMAND = "python tools/generate_aws_schemas.py"
REGION = "us-east-1"

_LIMITS = {
    "string": ("minLength", "maxLength", "pattern", "enum"),
    "json": ("minLength", "maxLength", "pattern"),
    "integer": ("minimum", "maximum", "enum"),
    "number": ("minimum", "maximum", "enum"),
    "array": ("minItems", "maxItems"),
}
_SCHEMA_KINDS = {"boolean": {"boolean"}, "integer": {"integer", "number"}, "number": {"integer", "number"}}

_DEFAULT = re.compile(
    r"\bdefaults? (?:value |for this attribute )?(?:to|is) (?:`\"?([^`\"]*)\"?`|(true|false|\d+)\b(?!\.\d))",
    re.IGNORECASE,
)
_VALUES = re.compile(
    r"\b(?:valid|allowed|possible|supported) (?:values|options)[^.`]{0,40}((?:[^.`]{0,25}`[^`]+`)+)", re.IGNORECASE
)
_RANGE = re.compile(r"\b(?:between|from) `?(\d[\d,]*)`?(?: \([^)]*\))? (?:and|to) `?(\d[\d,]*)`?", re.IGNORECASE)


_SENTINELS = {
    -1: re.compile(r"(?<![\w.])-1(?!\d)"),
    0: re.compile(r"`0`|\b(?:select|set to|value of|value to) 0\b", re.IGNORECASE),
}
"""Values with a meaning of their own, which the provider knows and the service does not."""


class CloudFormationType:
    """The published schema of a type, which answers to Pulumi's names."""

    def __init__(self, source: Source) -> None:
        found = (
            PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, source.cloudformation)
            if source.cloudformation
            else None
        )
        self.schema: Mapping[str, Any] = found.schema if found else {}
        self.used: set[str] = set()
        self._source = source
        own = {_plain(path) for path in self.schema.get("createOnlyProperties", ())}
        self.create_only = own - source.in_place.keys()

    @property
    def noun(self) -> str:
        return self._source.cloudformation.rpartition("::")[2]

    @property
    def services(self) -> list[str]:
        """IAM's names that the service may have: its own, or that of most rights that a create needs."""
        create = self.schema.get("handlers", {}).get("create", {}).get("permissions", ())
        frequent = Counter(right.partition(":")[0] for right in create).most_common(1)
        return [*self._source.cloudformation.lower().split("::")[1:2], *(name for name, _ in frequent)]

    def find(self, path: tuple[str, ...]) -> tuple[str, Mapping[str, Any]]:
        """Return the schema's path of an input and what it says there; empty where it has no such property."""
        here = self.schema
        steps: list[str] = []
        for step in path:
            for part in self._spell(steps, step, here):
                here = self._resolve(_inside(here, part))
                steps.append(part)
        return ".".join(steps), here

    def _spell(self, before: list[str], step: str, here: Mapping[str, Any]) -> list[str]:
        """Return the schema's steps for one step of ours."""
        if step == "*":
            return [] if before and before[-1] == "*" else ["*"]
        ours = ".".join((*before, step))
        for written, known in self._source.renamed.items():
            if written.lower() == ours.lower():
                self.used.add(written)
                return known.split(".")[len(before) :]
        wanted = [step, step.removesuffix("s"), f"{step}s", f"{step}Document"]
        wanted += self._own_names(step) if not before else []
        names = {name.lower(): name for name in here.get("properties", {})}
        return [next((names[one.lower()] for one in wanted if one.lower() in names), step)]

    def _own_names(self, step: str) -> list[str]:
        """Return what `name`, `arn` and `identifier` of a resource are called: the schema puts its noun before them."""
        identifiers = map(_plain, self.schema.get("primaryIdentifier", ()))
        found = [one for one in identifiers if one.lower().endswith(step.lower())]
        return [f"{self.noun}{step}", "GroupName", *found] if step in ("name", "arn", "identifier") else []

    def _resolve(self, part: Any) -> Mapping[str, Any]:
        while isinstance(part, Mapping) and "$ref" in part:
            part = self.schema["definitions"][part["$ref"].rpartition("/")[2]]
        return part if isinstance(part, Mapping) else {}


def _inside(here: Mapping[str, Any], step: str) -> Any:
    if step == "{}":
        return next(iter(here.get("patternProperties", {}).values()), here.get("additionalProperties"))
    return here.get("items") if step == "*" else here.get("properties", {}).get(step)


def _plain(pointer: str) -> str:
    return pointer.removeprefix("/properties/").replace("/", ".")


def enrich(cloudformation: CloudFormationType, node: Node, here: Input) -> None:
    """Add what the schema of CloudFormation and the vendor's text say about one input."""
    path, known = cloudformation.find(here.path)
    types = {known["type"]} if isinstance(known.get("type"), str) else set(known.get("type", ()))
    if node["is"] == "string" and "object" in types <= {"object", "string"} and "YAML" not in here.text:
        node["is"] = "json"
    if node["is"][0] == "[" and known.get("insertionOrder") is False:
        node["is"] = f"<{node['is'][1:-1]}>"
    kind = "array" if node["is"][0] in "[<{" else node["is"]
    if types & _SCHEMA_KINDS.get(kind, {kind, "object"}):
        node.update(_limits_of(known, kind))
    if _names_smaller_value(node, here.text):
        del node["minimum"]
    if path in cloudformation.create_only:
        node["replace"] = True
    if here.is_promised and not node.get("required"):
        node["computed"] = True
    if advisory := _read_text(node, here.text):
        node["advisory"] = advisory


def _names_smaller_value(node: Node, text: str) -> bool:
    return any(node.get("minimum", value) > value and sentinel.search(text) for value, sentinel in _SENTINELS.items())


def _limits_of(known: Mapping[str, Any], kind: str) -> Node:
    found = {name: known[name] for name in _LIMITS.get(kind, ()) if name in known}
    if "pattern" in found and not _is_pattern(found["pattern"]):
        del found["pattern"]
    return found


def _is_pattern(expression: str) -> bool:
    """Return False for what only another language's regular expressions know, such as classes of Unicode."""
    try:
        re.compile(expression)
    except re.error:
        return False
    return True


def _read_text(node: Node, text: str) -> Node:
    """Return what the text about an input mentions and no schema says."""
    found: Node = {}
    if node["is"] == "string" and "enum" not in node and (match := _VALUES.search(text)):
        options = re.findall(r"`\"?([^`\"]*)\"?`", match.group(1))
        found |= {"enum": options} if len(options) > 1 else {}
    if node["is"] == "integer" and not {"minimum", "maximum", "enum"} & node.keys() and (match := _RANGE.search(text)):
        low, high = (int(part.replace(",", "")) for part in match.groups())
        found |= {"minimum": low, "maximum": high} if low < high else {}
    if not node.get("required") and (match := _DEFAULT.search(text)):
        default = _parse(node["is"], match.group(1) or match.group(2) or "")
        found |= {} if default is None else {"default": default}
    return found


def _parse(kind: str, text: str) -> Any:
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower())
    if kind in ("integer", "number"):
        return int(text) if re.fullmatch(r"-?\d+", text) else None
    return text if kind == "string" and re.fullmatch(r"[\w.-]+", text) else None


def sdk_class(token: str) -> type:
    """Return the SDK's class of a token `aws:module/member:Class`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # modules of the SDK warn about their other classes
        module = importlib.import_module(f"pulumi_aws.{module_of(token).replace('lambda', 'lambda_')}")
        found: type = getattr(module, token.rpartition(":")[2])
    return found


def arguments_class(token: str) -> type:
    """Return the SDK's class of the inputs of a token."""
    cls = sdk_class(token)
    home = sys.modules[cls.__module__]
    found: type = getattr(home, f"{cls.__name__}InitArgs", None) or getattr(home, f"{cls.__name__}Args")
    return found


def describe(token: str, source: Source, nested: dict[str, dict[str, Node]]) -> dict[str, Any]:
    """Return everything that is published about a type; the nested types are added to those of its module."""
    cls = sdk_class(token)
    cloudformation = CloudFormationType(source)
    collector = SdkInputs(lambda node, here: enrich(cloudformation, node, here))
    collector.nested = nested
    inputs = collector.fields([arguments_class(token)], outputs=cls)
    for name in _secrets(cls) & inputs.keys():
        inputs[name]["secret"] = True
    outputs = outputs_of(cls, inputs)
    identifier = [
        next((name for name in (*inputs, *outputs) if cloudformation.find((name,))[0] == path), path)
        for path in map(_plain, cloudformation.schema.get("primaryIdentifier", ()))
    ]
    if unused := source.renamed.keys() - cloudformation.used:
        raise ValueError(f"{token}: not needed: {', '.join(sorted(unused))}")
    return {
        "cloudformation": source.cloudformation,
        "identifier": identifier,
        "arn": _arn_template(cloudformation) if "arn" in outputs else "",
        "inputs": shorten(inputs),
        "outputs": outputs,
    }


def _secrets(cls: type) -> set[str]:
    found = re.search(r"additional_secret_outputs=\[([^\]]*)\]", inspect.getsource(cls))
    return set(re.findall(r'"(\w+)"', found.group(1))) if found else set()


@cache
def _iam_resources() -> dict[str, dict[str, list[str]]]:
    file = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "Policies.json"
    services = json.loads(file.read_text(encoding="utf-8"))
    return {
        service: {kind: one["ARNFormats"] for kind, one in known["Resources"].items()}
        for service, known in services.items()
        if "Resources" in known
    }


def _arn_template(cloudformation: CloudFormationType) -> str:
    """Return the ARN of a type with `{}` for what names the resource; empty where no one template has its name."""
    for service in cloudformation.services:
        resources = _iam_resources().get(service, {})
        kinds = {kind.replace("-", "").replace(" ", ""): arns for kind, arns in resources.items()}
        formats = kinds.get(cloudformation.noun.lower(), [])
        if len(formats) == 1 and formats[0].count(".*") == 1:
            template = formats[0].replace("${Partition}", "aws").replace("${Region}", "{region}")
            return template.replace("${Account}", "{account}").replace(".*", "{}")
    return ""


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    collected: dict[str, dict[str, dict[str, Node]]] = {module_of(token): {} for token in RESOURCES}
    resources = {token: describe(token, source, collected[module_of(token)]) for token, source in RESOURCES.items()}
    nested = {module: {name: shorten(fields) for name, fields in types.items()} for module, types in collected.items()}
    sources = {name: version(name) for name in ("pulumi-aws", "cfn-lint")}
    return render_files(COMMAND, sources, resources, nested)


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, files(), COMMAND, sys.argv[1:]))
