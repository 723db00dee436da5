"""Whether telemetry is to be sent, by the standard variables of OpenTelemetry; imports nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal

TelemetryKind = Literal["traces", "metrics"]
_KINDS: tuple[TelemetryKind, ...] = ("traces", "metrics")
_EXPORTER = "opentelemetry.exporter.otlp.proto.grpc"


def is_exported(kind: TelemetryKind, variables: Mapping[str, str]) -> bool:
    """Whether one of them has a collector and is not switched off."""
    name = kind.upper()
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if variables.get(f"OTEL_{name}_EXPORTER", "otlp").strip().lower() != "otlp":
        return False
    return any(variables.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("", f"{name}_"))


def is_telemetry_wanted(variables: Mapping[str, str]) -> bool:
    """Whether anything is to be sent."""
    return any(is_exported(kind, variables) for kind in _KINDS)


def find_telemetry_fault(variables: Mapping[str, str]) -> str:
    """Return why nothing can be sent although it is wanted; empty if it can."""
    for kind in _KINDS:
        names = f"OTEL_EXPORTER_OTLP_{kind.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
        protocol = next((variables[name] for name in names if variables.get(name)), "grpc")
        if is_exported(kind, variables) and protocol.strip().lower() != "grpc":
            return f"the protocol '{protocol[:40]}' is not supported; use grpc, often on port 4317"
    try:
        is_installed = find_spec(_EXPORTER) is not None
    except ModuleNotFoundError:
        is_installed = False
    return "" if is_installed else "its exporter is not installed; run pip install 'semantest-iac[telemetry]'"
