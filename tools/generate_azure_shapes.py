"""Writes the shapes of Azure's resource types, which the simulated cloud checks, from the classes of the SDK.

`python tools/generate_azure_shapes.py` writes the file; with `--check` it writes nothing and exits with 1 if the file
is stale. Requires `pulumi-azure-native`. To simulate another type, add it to RESOURCES.
"""

from __future__ import annotations

import argparse
import enum
import importlib
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi._types import input_type_py_to_pulumi_names, input_type_types, resource_types

TARGET = Path(__file__).resolve().parent.parent / "semantest_iac/infrastructure/simulated_cloud/azure/shapes.json"
COMMAND = "python tools/generate_azure_shapes.py"

RESOURCES = {
    "apimanagement": (
        *("Api", "ApiDiagnostic", "ApiManagementService", "ApiOperation", "ApiPolicy", "Backend", "Logger"),
        "NamedValue",
    ),
    "applicationinsights": ("Component",),
    "authorization": ("RoleAssignment",),
    "keyvault": ("Secret", "Vault"),
    "managedidentity": ("UserAssignedIdentity",),
    "monitor": ("ActionGroup", "DiagnosticSetting", "MetricAlert", "ScheduledQueryRule"),
    "network": ("NetworkSecurityGroup", "Subnet", "VirtualNetwork"),
    "operationalinsights": ("Workspace",),
    "resources": ("ResourceGroup",),
    "servicebus": ("DefaultRule", "Namespace", "Queue", "Subscription", "Topic"),
    "storage": ("BlobContainer", "StorageAccount", "Table"),
    "web": ("AppServicePlan", "WebApp", "WebAppApplicationSettings"),
    "webpubsub": ("WebPubSub", "WebPubSubHub"),
}

_SCALARS = {bool: "boolean", int: "integer", float: "number", str: "string"}
_VERSION = re.compile(r"Uses Azure REST API version ([\w-]+)\.")

Fields = dict[str, str]


class Shapes:
    """Collects the fields of resources and of the nested types that they name."""

    def __init__(self) -> None:
        self.nested: dict[str, Fields] = {}

    def resource(self, module: str, name: str) -> dict[str, Any]:
        """The REST version of a resource class, its inputs, and whether it has `systemData`."""
        cls = getattr(importlib.import_module(f"pulumi_azure_native.{module}"), name)
        home = sys.modules[cls.__module__]
        arguments = getattr(home, f"{name}InitArgs", None) or getattr(home, f"{name}Args")
        version = _VERSION.search(inspect.getsource(home))
        return {
            "api": version.group(1) if version else "",
            "inputs": self._fields(module, [arguments]),
            "systemData": "systemData" in resource_types(cls),
        }

    def _fields(self, module: str, classes: Sequence[type]) -> Fields:
        """The fields of a class, or of the classes that one property accepts.

        `!` marks those that all of them require.
        """
        fields: Fields = {}
        required = set.intersection(*(set(required_inputs(cls)) for cls in classes))
        for cls in classes:
            for name, hint in input_type_types(cls).items():
                fields[name + "!" * (name in required)] = self._kind(module, hint)
        return dict(sorted(fields.items()))

    def _kind(self, module: str, hint: Any) -> str:
        members = list(_members(hint))
        blocks = [member for member in members if inspect.isclass(member) and member.__name__.endswith("Args")]
        if blocks:
            return self._block(module, blocks)
        for matches, describe in _KINDS:
            if found := next((member for member in members if matches(member)), None):
                return describe(self, module, found)
        return "any"

    def _block(self, module: str, classes: Sequence[type]) -> str:
        name = f"{module}." + "|".join(cls.__name__.removesuffix("Args").removesuffix("Init") for cls in classes)
        if name not in self.nested:
            self.nested[name] = {}  # a type may contain itself
            self.nested[name] = self._fields(module, classes)
        return name

    def _list(self, module: str, hint: Any) -> str:
        return f"[{self._kind(module, typing.get_args(hint)[0])}]"

    def _map(self, module: str, hint: Any) -> str:
        return f"{{{self._kind(module, typing.get_args(hint)[1])}}}"

    def _scalar(self, _module: str, hint: Any) -> str:
        return _SCALARS[hint]

    def _enumeration(self, _module: str, hint: Any) -> str:
        return "=" + "|".join(str(member.value) for member in hint)


def _is(origin: Any) -> Callable[[Any], bool]:
    return lambda member: typing.get_origin(member) in (origin, getattr(typing, origin.__name__, origin))


def _is_enum(member: Any) -> bool:
    return inspect.isclass(member) and issubclass(member, enum.Enum)


# In this order: an enumeration beside text is open.
_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Shapes, str, Any], str]], ...] = (
    (_is(Sequence), Shapes._list),
    (_is(Mapping), Shapes._map),
    (lambda member: member in _SCALARS, Shapes._scalar),
    (_is_enum, Shapes._enumeration),
)


def _members(hint: Any) -> Iterator[Any]:
    """The types that a hint allows, without Pulumi's wrappers."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for member in typing.get_args(hint):
            yield from _members(member)
    elif "Awaitable" not in str(hint) or typing.get_origin(hint) is not None:
        yield hint


def required_inputs(cls: type) -> Iterator[str]:
    """The wire names of the required inputs of a class."""
    parameters = inspect.signature(cls).parameters
    for python, name in input_type_py_to_pulumi_names(cls).items():
        if parameters[python].default is inspect.Parameter.empty:
            yield name


def text() -> str:
    """The text of the whole file."""
    shapes = Shapes()
    resources = {
        f"azure-native:{module}:{name}": shapes.resource(module, name)
        for module, names in RESOURCES.items()
        for name in names
    }
    whole = {"generator": COMMAND, "resources": resources, "types": dict(sorted(shapes.nested.items()))}
    return json.dumps(whole, indent=1) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or check the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is stale")
    if not parser.parse_args(arguments).check:
        TARGET.write_text(text(), encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != text():
        print(f"{TARGET.name} is stale: {COMMAND}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
