"""The one Pulumi program that registers the resources of all specs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pulumi
import pulumi_aws as aws

from tests.differential import aws_kinds, azure_kinds, type_kinds
from tests.differential.kinds import Kind, ResourceContext
from tests.differential.specs import Former, Program, ResourceSpec


def load_sdk() -> None:
    """Import the modules of the kinds, whose classes warn of their own deprecations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for module in (*(getattr(aws, name) for name in aws_kinds.MODULES), *azure_kinds.MODULES):
            getattr(module, "touched", None)


def create_packages(folder: Path) -> Path:
    """Create a package of function code for each label."""
    created = folder.with_name("packages")
    created.mkdir()
    for label in range(3):
        with ZipFile(created / f"v{label}.zip", "w") as package:
            package.writestr("index.py", f"label = {label}\n")
    return created


def register_programs(programs: Mapping[str, Program], packages: Path) -> None:
    """Register the resources of all programs; their names begin with the program's key."""
    for prefix, program in programs.items():
        created: dict[str, Any] = {}
        for spec in program:
            created[spec.id] = _make(
                ResourceContext(**_context_arguments(prefix, spec, created), spec=spec, packages=packages)
            )
        pulumi.export(
            prefix, {spec.logical_name: getattr(created[spec.id], "id", created[spec.id].urn) for spec in program}
        )


def _make(context: ResourceContext) -> pulumi.Resource:
    resource: pulumi.Resource = KINDS[context.spec.kind].make(context)
    return resource


def _context_arguments(prefix: str, spec: ResourceSpec, created: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{prefix}-{spec.logical_name}",
        "own_name": f"{prefix}-{spec.id}",
        "physical": f"{prefix}-{spec.id}-n{spec.name_number}" if spec.name_number else None,
        "used": created.get(spec.uses),
        "options": _options(prefix, spec, created),
    }


def _options(prefix: str, spec: ResourceSpec, created: Mapping[str, Any]) -> pulumi.ResourceOptions:
    options = spec.options
    return pulumi.ResourceOptions(
        parent=created.get(spec.parent),
        provider=created.get(spec.provider),
        depends_on=[created[need] for need in options.depends_on if need in created],
        protect=options.protect or None,
        retain_on_delete=options.retain_on_delete or None,
        delete_before_replace=options.delete_before_replace,
        ignore_changes=list(options.ignore_changes),
        replace_on_changes=list(options.replace_on_changes),
        additional_secret_outputs=list(options.secret_outputs),
        aliases=[_alias(prefix, spec, options.former, created)] if options.former else None,
    )


def _alias(
    prefix: str, spec: ResourceSpec, former: Former, created: Mapping[str, Any]
) -> pulumi.Alias | pulumi.Output[str]:
    name, parent = f"{prefix}-{former.logical_name}", created.get(former.parent)
    if former.whole:
        return pulumi.create_urn(name, KINDS[spec.kind].urn_type, parent)
    moved = former.parent != spec.parent
    return pulumi.Alias(name=name, parent=parent) if moved else pulumi.Alias(name=name)


class _Group(pulumi.ComponentResource):
    def __init__(self, name: str, label: Any, options: pulumi.ResourceOptions) -> None:
        super().__init__("differential:index:Group", name, {"label": label}, options)
        self.register_outputs({"label": label})


def _group(context: ResourceContext) -> pulumi.Resource:
    return _Group(context.name, context.label, context.options)


WRITTEN_KINDS: Mapping[str, Kind] = {
    **aws_kinds.KINDS,
    **azure_kinds.KINDS,
    "group": Kind(_group, urn_type="differential:index:Group", local=True),
}
KINDS: Mapping[str, Kind] = {**WRITTEN_KINDS, **type_kinds.KINDS}
