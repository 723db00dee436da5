"""Samples of a dashboard and a saved query."""

from __future__ import annotations

from tests.unit.simulated_cloud.azure.tokens import LOCATED, SAVED_QUERY, WORKBOOK, WORKSPACE, Sample

SAMPLES: dict[str, Sample] = {
    SAVED_QUERY: lambda world: {
        "resourceGroupName": "rg-semantest",
        "workspaceName": world[WORKSPACE].outputs["name"],
        "savedSearchId": "errors",
        "category": "Semantest",
        "displayName": "errors",
        "query": "AppTraces | where SeverityLevel >= 3",
    },
    WORKBOOK: lambda world: {
        **LOCATED,
        "resourceName": "8f1b1a1e-5f0c-4a0e-9d6e-3f6f5a2b7c11",
        "kind": "shared",
        "category": "workbook",
        "displayName": "Semantest",
        "sourceId": world[WORKSPACE].id,
        "serializedData": '{"version": "Notebook/1.0", "items": []}',
    },
}
