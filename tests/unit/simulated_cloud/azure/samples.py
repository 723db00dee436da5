"""A valid sample of every simulated Azure type, in an order in which they can be created."""

from __future__ import annotations

from tests.unit.simulated_cloud.azure import (
    app_samples,
    container_samples,
    database_samples,
    gateway_samples,
    message_samples,
    network_samples,
    observability_samples,
    site_samples,
)

SAMPLES = {
    **app_samples.SAMPLES,
    **gateway_samples.SAMPLES,
    **message_samples.SAMPLES,
    **network_samples.SAMPLES,
    **observability_samples.SAMPLES,
    **database_samples.SAMPLES,
    **container_samples.SAMPLES,
    **site_samples.SAMPLES,
}
