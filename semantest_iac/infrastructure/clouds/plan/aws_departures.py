"""What AWS deploys otherwise than the plan of the platform says."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.infrastructure.clouds.plan.departures import Departure

LONGEST_SECRET_WINDOW_DAYS = 30  # source: Secrets Manager, DeleteSecret, RecoveryWindowInDays


def choose_secret_window(soft_delete_days: int) -> int:
    """Return for how many days Secrets Manager can restore a deleted secret."""
    return min(soft_delete_days, LONGEST_SECRET_WINDOW_DAYS)


def find_aws_departures(platform: PlatformSettings) -> Iterator[Departure]:
    """Yield what these settings become on AWS."""
    yield from _find_network_departures(platform)
    yield from _find_security_departures(platform)
    if (quota := platform.environment.monitoring.daily_quota_gb) is not None:
        yield Departure(
            "observability",
            "monitoring.daily_quota_gb",
            f"{quota} GB a day",
            "no limit",
            "CloudWatch Logs takes whatever is written and has no daily cap",
            "the quotas of CloudWatch Logs",
        )


def _find_network_departures(platform: PlatformSettings) -> Iterator[Departure]:
    if platform.environment.network.ddos_protection:
        yield Departure(
            "network",
            "network.ddos_protection",
            "a DDoS protection plan",
            "Shield Standard, which every account has",
            "Shield Advanced is a subscription of the whole account for a year, and no stack should make one",
            "the developer guide of AWS Shield",
        )


def _find_security_departures(platform: PlatformSettings) -> Iterator[Departure]:
    security = platform.environment.security
    window = choose_secret_window(security.soft_delete_days)
    if window != security.soft_delete_days:
        yield Departure(
            "security",
            "security.soft_delete_days",
            f"{security.soft_delete_days} days",
            f"{window} days",
            f"Secrets Manager keeps deleted secrets for {LONGEST_SECRET_WINDOW_DAYS} days at most",
            "Secrets Manager's DeleteSecret, RecoveryWindowInDays",
        )
    if security.purge_protection:
        yield Departure(
            "security",
            "security.purge_protection",
            "purge protection",
            "the recovery window alone",
            "Secrets Manager has no setting that keeps whoever may delete a secret from deleting it at once",
            "Secrets Manager's DeleteSecret, ForceDeleteWithoutRecovery",
        )
