"""What AWS deploys otherwise than the plan of the platform says."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.infrastructure.clouds.plan.departures import Departure

RECOVERY_DAYS = range(7, 30 + 1)
"""For how many days a deleted key or secret can be restored.

Sources: KMS's reference of ScheduleKeyDeletion, Secrets Manager's of DeleteSecret.
"""


def choose_recovery_window(days: int) -> int:
    """Return for how many days KMS and Secrets Manager can restore what was deleted, the nearest to what is asked."""
    return min(max(days, RECOVERY_DAYS[0]), RECOVERY_DAYS[-1])


def find_aws_departures(platform: PlatformSettings) -> Iterator[Departure]:
    """Yield what these settings become on AWS."""
    yield from _find_network_departures(platform)
    yield from _find_security_departures(platform)
    if (quota := platform.environment.monitoring.daily_quota_gb) is not None:
        yield Departure(
            "observability",
            "monitoring.daily_quota_gb",
            f"{quota} GB a day",
            "an alarm when 80 % of it came",
            "CloudWatch Logs takes whatever is written and has no daily cap",
            "the quotas of CloudWatch Logs",
        )


def _find_network_departures(platform: PlatformSettings) -> Iterator[Departure]:
    network = platform.environment.network
    if network.ddos_protection and not network.accept_ddos_commitment:
        yield Departure(
            "network",
            "network.ddos_protection",
            "a DDoS protection plan",
            "Shield Standard, which every account has",
            "Shield Advanced is a subscription of the whole account for a year, which is made only where "
            "network.accept_ddos_commitment agrees to it",
            "the developer guide of AWS Shield",
        )


def _find_security_departures(platform: PlatformSettings) -> Iterator[Departure]:
    security = platform.environment.security
    window = choose_recovery_window(security.soft_delete_days)
    if window != security.soft_delete_days:
        yield Departure(
            "security",
            "security.soft_delete_days",
            f"{security.soft_delete_days} days",
            f"{window} days",
            f"KMS and Secrets Manager keep what was deleted for {RECOVERY_DAYS[0]} to {RECOVERY_DAYS[-1]} days",
            "KMS's reference of ScheduleKeyDeletion, Secrets Manager's of DeleteSecret",
        )
    if security.purge_protection:
        yield Departure(
            "security",
            "security.purge_protection",
            "purge protection",
            "the protection of the key alone",
            "nobody can delete a KMS key at once, but whoever may delete a secret can",
            "KMS's reference of ScheduleKeyDeletion, Secrets Manager's of DeleteSecret, ForceDeleteWithoutRecovery",
        )
