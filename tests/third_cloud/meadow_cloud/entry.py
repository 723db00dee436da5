"""The entry of Meadow, which is loaded before any of its parts."""

from __future__ import annotations

from semantest_iac.infrastructure.clouds.entry import CloudEntry

MEADOW = CloudEntry(
    "meadow",
    ("north", "south"),
    rules="meadow_cloud.rules:RULES",
    program="meadow_cloud.program:CLOUD",
    package="meadow",
    sdk_distribution="meadow-cloud",
    region_setting="field",
    simulated_cloud="meadow_cloud.simulated:simulated_meadow",
    api_frontend="meadow_cloud.api_frontend:build_api_frontend",
)
