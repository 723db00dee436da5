"""The tables have exactly the inputs and outputs of the provider's SDK, in the form that it reads."""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from typing import Any

import pytest
from pulumi._types import input_type_types, resource_types
from pulumi.runtime.rpc import translate_output_properties

from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES
from tests.unit.simulated_cloud.azure.tokens import World
from tools import generate_azure_shapes as generator
from tools.published_schemas import required_inputs

pytest.importorskip("pulumi_azure_native")

# Resource Manager omits these from a new resource, although the SDK declares them as never absent.
_LEFT_OUT = {
    "azure-native:apimanagement:Backend": {"properties"},
    "azure-native:apimanagement:ProductApi": {"isOnline", "path"},  # those of the API, which nothing here reads
    "azure-native:keyvault:Secret": {"tags"},
    "azure-native:network:PublicIPAddress": {"ipConfiguration"},
    "azure-native:storage:BlobContainer": {
        *("deletedTime", "immutabilityPolicy", "leaseDuration", "legalHold", "version"),
    },
    "azure-native:storage:StorageAccount": {
        *("blobRestoreStatus", "customDomain", "encryption", "geoReplicationStats", "keyPolicy"),
        *("lastGeoFailoverTime", "sasPolicy", "secondaryEndpoints", "secondaryLocation", "statusOfSecondary"),
    },
}

EVERY_TYPE = pytest.mark.parametrize("type_", sorted(AZURE_TYPES))


class TestShapes:
    def test_are_those_of_the_sdk_at_every_depth(self) -> None:
        written = {file.name: file.read_text(encoding="utf-8") for file in generator.TARGET.iterdir()}

        assert written == generator.files()

    @EVERY_TYPE
    def test_name_every_input_and_no_other(self, type_: str) -> None:
        assert AZURE_TYPES[type_].properties.keys() == input_type_types(_arguments(type_)).keys()

    @EVERY_TYPE
    def test_require_what_the_sdk_requires(self, type_: str) -> None:
        required = {name for name, known in AZURE_TYPES[type_].properties.items() if known.required}

        assert required == set(required_inputs(_arguments(type_)))


class TestOutputs:
    @EVERY_TYPE
    def test_are_all_there_that_the_sdk_counts_on(self, type_: str, world: World) -> None:
        missing = _promised(type_) - world[type_].outputs.keys()

        assert missing == _LEFT_OUT.get(type_, set())

    @EVERY_TYPE
    def test_are_none_that_the_sdk_lacks(self, type_: str) -> None:
        rule = AZURE_TYPES[type_]
        ours = {*rule.computed, *rule.planned, *rule.rendered}

        assert ours <= resource_types(_class(type_)).keys()

    @EVERY_TYPE
    def test_have_the_form_that_the_sdk_reads(self, type_: str, world: World) -> None:
        expected = resource_types(_class(type_))

        for name, value in world[type_].outputs.items():
            read = translate_output_properties(value, lambda key: key, expected.get(name), True)

            assert _fits(read, expected.get(name)), name


def _class(type_: str) -> type:
    _, module, name = type_.split(":")
    found: type = getattr(importlib.import_module(f"pulumi_azure_native.{module}"), name)
    return found


def _arguments(type_: str) -> type:
    cls = _class(type_)
    home = sys.modules[cls.__module__]
    found: type = getattr(home, f"{cls.__name__}InitArgs", None) or getattr(home, f"{cls.__name__}Args")
    return found


def _promised(type_: str) -> set[str]:
    """Return the outputs that are typed as never absent."""
    getters = [value.fget for value in vars(_class(type_)).values() if isinstance(value, property) and value.fget]
    promised = [getter for getter in getters if "Output[Optional[" not in inspect.getsource(getter)]
    return {str(getter.__dict__["_pulumi_name"]) for getter in promised}


def _fits(value: Any, expected: Any) -> bool:
    """Check values of scalar types; the SDK itself checks the values that it wraps."""
    scalar = expected if inspect.isclass(expected) and not typing.get_args(expected) else None
    if scalar not in (str, int, float, bool):
        return True
    return isinstance(value, (int, float)) if scalar in (int, float) else isinstance(value, scalar)
