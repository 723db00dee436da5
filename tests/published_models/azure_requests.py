"""Compares the inputs of a planned resource with the create call of Azure's management package and its model."""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from tests.published_models.azure_models import Member, read_discriminator, read_members
from tests.published_models.azure_table import AzureCall, find_call
from tests.published_models.findings import Finding, normalize


@dataclass(frozen=True, slots=True)
class _Operation:
    """The names of a call's parameters in the path, and the model of its body if it has one."""

    parameters: frozenset[str]
    body: type | None


def check_azure_resource(type_: str, inputs: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the model of the call that creates such a resource says against its inputs."""
    call = find_call(type_)
    operation = _find_operation(call) if call else None
    if call is None or operation is None:
        yield Finding(type_, "", "is in no table of calls")
        return
    checker = _ModelChecker(type_, call)
    rest = {}
    for name, value in inputs.items():
        if name.startswith("__") or normalize(call.renamed.get(name, name)) in operation.parameters:
            continue
        rest[name] = value
    if operation.body is not None:
        checker.check_model(rest, operation.body, "")
    elif rest:
        yield Finding(type_, "", f"has no body for {', '.join(sorted(rest))}")
    yield from checker.findings


@cache
def _find_operation(call: AzureCall) -> _Operation | None:
    try:
        package = importlib.import_module(f"azure.mgmt.{call.package}.operations")
    except ModuleNotFoundError:
        return None
    groups = [getattr(package, f"{group}Operations", None) for group in call.groups]
    methods = [getattr(group, name, None) for group in groups for name in call.methods]
    method = next((it for it in methods if inspect.isfunction(it)), None)
    if method is None:
        return None
    parameters = inspect.signature(method, eval_str=True).parameters
    bodies = [model for it in parameters.values() if (model := _find_model(it.annotation))]
    names = frozenset(normalize(name) for name in parameters if name not in ("self", "kwargs"))
    return _Operation(names, bodies[0] if bodies else None)


def _find_model(annotation: Any) -> type | None:
    candidates = (annotation, *typing.get_args(annotation))
    models = [it for it in candidates if isinstance(it, type) and ".models" in it.__module__]
    return next((it for it in models if not issubclass(it, Enum)), None)


class _ModelChecker:
    def __init__(self, type_: str, call: AzureCall) -> None:
        self._type = type_
        self._call = call
        self.findings: list[Finding] = []

    def check_model(self, value: Any, model: type, path: str) -> None:
        """Check a value against a model, whose `properties` Pulumi writes beside its other fields."""
        if not isinstance(value, Mapping):
            self._report(path, "is no object")
            return
        members = dict(_read_flat(model, value))
        known = {normalize(name): name for name in members}
        given = set()
        for name, item in value.items():
            inner = f"{path}.{name}".lstrip(".")
            wanted = self._call.renamed.get(inner, name)
            if item is None or name.startswith("__") or wanted == "-":
                continue
            found = known.get(normalize(wanted))
            if found is None:
                self._report(inner, f"is no field of {model.__name__}")
                continue
            given.add(found)
            if members[found].read_only:
                self._report(inner, "is computed by the cloud")
            self._check(item, members[found], inner)
        for name, member in members.items():
            if member.required and not member.read_only and name not in given:
                self._report(path, f"lacks {name} of {model.__name__}")

    def _check(self, value: Any, member: Member, path: str) -> None:
        if member.kind == "any" or not isinstance(value, str | bool | int | float | list | dict):
            return  # anything goes, or it is a package or another file
        if not _is_of_kind(value, member.kind):
            self._report(path, f"is no {member.kind}")
            return
        for problem in member.bounds.list_problems(value):
            self._report(path, problem)
        if member.model:
            self.check_model(value, member.model, path)
        if member.item is None:
            return
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            self._check(item, member.item, f"{path}.*")

    def _report(self, path: str, problem: str) -> None:
        self.findings.append(Finding(self._type, path, problem))


_LIFTED = ("properties", "typeProperties")


def _read_flat(model: type, value: Mapping[str, Any]) -> Iterator[tuple[str, Member]]:
    """Yield the fields of a model and, where Pulumi has lifted them, those of its `properties` and `typeProperties`."""
    discriminator = read_discriminator(model)
    chosen = next((str(it) for name, it in value.items() if normalize(name) == normalize(discriminator)), "")
    members = read_members(model, chosen if discriminator else "")
    lifted = {name: it.model for name, it in members.items() if name in _LIFTED and it.model and name not in value}
    for inner in lifted.values():
        yield from _read_flat(inner, value)
    yield from ((name, member) for name, member in members.items() if name not in lifted)


def _is_of_kind(value: Any, kind: str) -> bool:
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "list":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)
