"""The one program that makes resources of pieces."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pulumi
import pulumi_aws as aws

from tests.differential import aws_kinds, azure_kinds
from tests.differential.pieces import Former, Piece, Program
from tests.differential.sites import Kind, Site


def load_sdk() -> None:
    """Load what the kinds need; the SDK warns of classes of its own while it loads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for module in (*(getattr(aws, name) for name in aws_kinds.MODULES), *azure_kinds.MODULES):
            getattr(module, "touched", None)


def packages_in(folder: Path) -> Path:
    """Code for functions, a package for each label."""
    made = folder.with_name("packages")
    made.mkdir()
    for label in range(3):
        with ZipFile(made / f"v{label}.zip", "w") as package:
            package.writestr("index.py", f"label = {label}\n")
    return made


def play(programs: Mapping[str, Program], packages: Path) -> None:
    """Make the resources of all programs; each has the names under its key for itself."""
    for prefix, program in programs.items():
        made: dict[str, Any] = {}
        for piece in program:
            made[piece.id] = _make(Site(**_told(prefix, piece, made), piece=piece, packages=packages))
        pulumi.export(prefix, {piece.called: getattr(made[piece.id], "id", made[piece.id].urn) for piece in program})


def _make(site: Site) -> pulumi.Resource:
    resource: pulumi.Resource = KINDS[site.piece.kind].make(site)
    return resource


def _told(prefix: str, piece: Piece, made: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{prefix}-{piece.called}",
        "physical": f"{prefix}-{piece.id}-n{piece.fixed}" if piece.fixed else None,
        "used": made.get(piece.uses),
        "options": _options(prefix, piece, made),
    }


def _options(prefix: str, piece: Piece, made: Mapping[str, Any]) -> pulumi.ResourceOptions:
    said = piece.options
    return pulumi.ResourceOptions(
        parent=made.get(piece.parent),
        provider=made.get(piece.provider),
        depends_on=[made[need] for need in said.needs if need in made],
        protect=said.protect or None,
        retain_on_delete=said.retain or None,
        delete_before_replace=said.delete_first,
        ignore_changes=list(said.ignore),
        replace_on_changes=list(said.replace_on),
        additional_secret_outputs=list(said.hide),
        aliases=[_alias(prefix, piece, said.former, made)] if said.former else None,
    )


def _alias(prefix: str, piece: Piece, former: Former, made: Mapping[str, Any]) -> pulumi.Alias | pulumi.Output[str]:
    name, parent = f"{prefix}-{former.called}", made.get(former.parent)
    if former.whole:
        return pulumi.create_urn(name, KINDS[piece.kind].token, parent)
    moved = former.parent != piece.parent
    return pulumi.Alias(name=name, parent=parent) if moved else pulumi.Alias(name=name)


class _Group(pulumi.ComponentResource):
    def __init__(self, name: str, label: Any, options: pulumi.ResourceOptions) -> None:
        super().__init__("differential:index:Group", name, {"label": label}, options)
        self.register_outputs({"label": label})


def _group(site: Site) -> pulumi.Resource:
    return _Group(site.name, site.label, site.options)


KINDS: Mapping[str, Kind] = {
    **aws_kinds.KINDS,
    **azure_kinds.KINDS,
    "group": Kind(_group, token="differential:index:Group", local=True),
}
