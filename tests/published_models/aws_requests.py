"""Puts the inputs of a planned resource into the requests of AWS's own service models, as botocore has them.

The generator of the sandbox's schemas reads CloudFormation and Pulumi's SDK, and not these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session

from tests.published_models.aws_table import PROVIDER_PROPERTIES, AwsCalls, find_calls
from tests.published_models.findings import Bounds, Finding, normalize

_TAGGING_CALLS = ("TagResource", "CreateTags", "AddTagsToResource", "TagQueue")
_NUMBERS = ("integer", "long", "float", "double")


@cache
def _service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


def check_aws_resource(type_: str, inputs: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the models of the calls that create and configure such a resource say against its inputs."""
    calls = find_calls(type_)
    if calls is None:
        yield Finding(type_, "", "is in no table of calls")
        return
    checker = _RequestChecker(type_, calls)
    for name, value in sorted(inputs.items()):
        if name not in PROVIDER_PROPERTIES and name not in calls.elsewhere and not name.startswith("__"):
            checker.place(name, value)
    yield from checker.findings
    yield from checker.list_missing()


@dataclass(frozen=True, slots=True)
class _Place:
    operation: str
    shape: Any
    members: tuple[str, ...]


class _RequestChecker:
    """Collects findings about one resource, and which members of each call were given."""

    def __init__(self, type_: str, calls: AwsCalls) -> None:
        self._type = type_
        self._calls = calls
        self.findings: list[Finding] = []
        self._given: set[str] = set()

    def place(self, name: str, value: Any) -> None:
        """Check a top-level property where the table or its name puts it; parts of a block may each have a place."""
        parts = value if isinstance(value, dict) else {}
        if parts and all(self._calls.renamed.get(f"{name}.{part}", "-") != "-" for part in parts):
            for part, item in parts.items():
                self.place(f"{name}.{part}", item)
            return
        found = self._find_place(name) or (self._find_tagging() if name == "tags" else None)
        if found is None:
            self._report(name, f"is no member of {', '.join(self._calls.operations)}")
            return
        if found.operation == self._calls.operations[0]:
            self._given.add(found.members[0])
        if isinstance(value, str) and found.shape.type_name in ("list", "structure"):
            # The provider takes a document as text and sends its parts, or one text and sends a list of it.
            value = json.loads(value) if value.startswith(("{", "[")) else [value]
        self._check(value, found.shape, name)

    def list_missing(self) -> Iterator[Finding]:
        """Yield the required members of the creating call of which no property gives any."""
        operation = self._calls.operations[0]
        shape = self._input_of(operation)
        generated = {name for name, member in shape.members.items() if "idempotencyToken" in member.metadata}
        for name in sorted({*shape.required_members} - self._given - generated - {*self._calls.supplied}):
            yield Finding(self._type, "", f"{operation} requires {name}")

    def _input_of(self, operation: str) -> Any:
        return _service(self._calls.service).operation_model(operation).input_shape

    def _find_place(self, name: str) -> _Place | None:
        if path := self._calls.renamed.get(name):
            operation, *members = (
                path.split(".")
                if path.split(".")[0] in self._operations()
                else (
                    self._calls.operations[0],
                    *path.split("."),
                )
            )
            shape = self._input_of(operation)
            return _Place(operation, _descend(shape, members), tuple(members))
        for operation in self._calls.operations:
            shape = self._input_of(operation)
            if member := _find_member(shape, name, self._calls.kind):
                return _Place(operation, shape.members[member], (member,))
        return None

    def _find_tagging(self) -> _Place | None:
        """Return the place of tags in the service's call that tags whatever has been created."""
        for operation in _TAGGING_CALLS:
            if operation in self._operations():
                shape = self._input_of(operation)
                member = _find_member(shape, "tags", "")
                return _Place(operation, shape.members[member], (member,))
        return None

    def _operations(self) -> list[str]:
        names: list[str] = _service(self._calls.service).operation_names
        return names

    def _check(self, value: Any, shape: Any, path: str) -> None:
        if value is None or not isinstance(value, str | bool | int | float | list | dict):
            return  # packages and other files
        checks = {"structure": self._check_structure, "list": self._check_list, "map": self._check_map}
        if shape.type_name in checks:
            checks[shape.type_name](value, shape, path)
            return
        if not _is_of_kind(value, shape.type_name):
            self._report(path, f"is no {shape.type_name}")
            return
        self._check_bounds(value, shape, path)

    def _check_structure(self, value: Any, shape: Any, path: str) -> None:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, dict):
            self._report(path, "is no structure")
            return
        given = set()
        for name, item in value.items():
            inner = f"{path}.{name}"
            if item is None or name.startswith("__"):
                continue
            member = self._calls.renamed.get(inner) or _find_member(shape, name, "")
            if member == "-":
                continue
            if not member:
                self._report(inner, f"is no member of {shape.name}")
                continue
            members = member.split(".")
            given.add(members[0])
            self._check(item, _descend(shape, members), inner)
        for name in sorted({*shape.required_members} - given):
            self._report(path, f"lacks {name} of {shape.name}")

    def _check_list(self, value: Any, shape: Any, path: str) -> None:
        if isinstance(value, dict) and _is_pair(shape.member):
            value = [dict(zip(_pair_names(shape.member), pair, strict=True)) for pair in value.items()]
        items = value if isinstance(value, list) else [value]
        self._check_bounds(items, shape, path)
        for item in items:
            self._check(item, shape.member, f"{path}.*")

    def _check_map(self, value: Any, shape: Any, path: str) -> None:
        if not isinstance(value, dict):
            self._report(path, "is no map")
            return
        self._check_bounds(value, shape, path)
        for name, item in value.items():
            self._check_bounds(name, shape.key, f"{path} (key)")
            self._check(item, shape.value, f"{path}.*")

    def _check_bounds(self, value: Any, shape: Any, path: str) -> None:
        model = shape._shape_model
        options = tuple(model.get("enum", ()))
        bounds = Bounds(model.get("min"), model.get("max"), model.get("pattern", ""), options)
        for problem in bounds.list_problems(value):
            self._report(path, problem)

    def _report(self, path: str, problem: str) -> None:
        self.findings.append(Finding(self._type, path, problem))


def _descend(shape: Any, members: Iterable[str]) -> Any:
    """Return the shape at a path; lists on the way stand for their items, maps for the value of a known key."""
    for member in members:
        if shape.type_name == "map":
            shape = shape.value if member in getattr(shape.key, "enum", ()) or not shape.key.enum else None
        else:
            shape = (shape.member if shape.type_name == "list" else shape).members[member]
    return shape


def _find_member(shape: Any, name: str, kind: str) -> str:
    """Return the member of that name in another spelling, or in the other number; empty if there is none."""
    known = {normalize(member): member for member in shape.members}
    wanted = normalize(name)
    spellings = [wanted, f"{wanted}s", wanted.removesuffix("s")]
    if kind and wanted in ("name", "id", "arn", "description", "policy"):
        spellings += [f"{kind.lower()}{wanted}", *(f"{kind.lower()[-length:]}{wanted}" for length in (5, 4, 6, 7))]
    if kind and wanted == "policy":
        spellings += ["policydocument"]
    return next((known[spelling] for spelling in spellings if spelling in known), "")


def _is_pair(shape: Any) -> bool:
    return shape.type_name == "structure" and {normalize(it) for it in shape.members} in (
        {"key", "value"},
        {"name", "value"},
        {"tagkey", "tagvalue"},
    )


def _pair_names(shape: Any) -> tuple[str, str]:
    first, second = sorted(shape.members)
    return first, second


def _is_of_kind(value: Any, kind: str) -> bool:
    if kind in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    return isinstance(value, str)
