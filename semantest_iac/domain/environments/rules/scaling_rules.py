"""Validation rules for instances, and for what requests to scale may ask for."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.environments.names import SERVICE_TYPES, Environment
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, advise, refuse
from semantest_iac.domain.environments.sections import ScalingBoundsSection, ScalingSection

LONGEST_COOLDOWN_S = 86_400


def check_instances(subject: RuleSubject) -> Iterator[Finding]:
    """The minimum is 0 to the maximum, the maximum at least 1."""
    configured = subject.section.instances
    if configured.min is not None and configured.min < 0:
        yield refuse("instances.min", f"min must be 0 or more, not {configured.min}")
    if configured.max is not None and configured.max < 1:
        yield refuse("instances.max", f"max must be 1 or more, not {configured.max}", "Leave it out for no limit.")
    elif configured.max is not None and (configured.min or 0) > configured.max:
        yield refuse("instances", f"min ({configured.min}) is above max ({configured.max})")
    if (configured.min or 0) > 0 and subject.built_in_environment in (Environment.DEVELOPMENT, Environment.QA):
        yield advise("instances.min", f"{configured.min} instances are kept warm and paid for around the clock")


def check_scaling_bounds(subject: RuleSubject) -> Iterator[Finding]:
    """What the file says of instances is within the bounds that hold for requests to scale."""
    yield from _find_bounds_problems(subject.section.scaling)
    if subject.settings is None:
        return
    written, bounds = subject.section.instances, subject.settings.scaling_bounds
    for key, count in (("min", written.min), ("max", written.max)):
        if count is not None and bounds.maximum is not None and count > bounds.maximum:
            yield refuse(f"instances.{key}", f"{count} is above scaling.max ({bounds.maximum})", "Change one of them.")
        elif count is not None and 0 <= count < bounds.minimum:
            yield refuse(f"instances.{key}", f"{count} is below scaling.min ({bounds.minimum})", "Change one of them.")


def check_scaling(scaling: ScalingSection, component_type: str) -> Iterator[Finding]:
    """What holds for all components: bounds that can be met, and metrics that mean something."""
    yield from _find_bounds_problems(scaling)
    metrics = scaling.metrics or ()
    for index, metric in enumerate(metrics):
        if not 0 < metric.target <= 100:
            yield refuse(f"scaling.metrics[{index}].target", "target must be above 0, and 100 % at most")
    if metrics and component_type in SERVICE_TYPES:
        kinds = " and ".join(sorted({metric.type for metric in metrics}))
        hint = "Functions follow the requests; use instances.min and instances.max."
        yield advise("scaling.metrics", f"{kinds} targets mean nothing for functions", hint)


def _find_bounds_problems(bounds: ScalingBoundsSection) -> Iterator[Finding]:
    least, most, cooldown_s = bounds.min, bounds.max, bounds.cooldown_s
    if least is not None and least < 0:
        yield refuse("scaling.min", f"min must be 0 or more, not {least}")
    if most is not None and most < 1:
        yield refuse("scaling.max", f"max must be 1 or more, not {most}", "Leave it out for no limit.")
    elif most is not None and (least or 0) > most:
        yield refuse("scaling", f"min ({least}) is above max ({most})")
    if cooldown_s is not None and not 0 <= cooldown_s <= LONGEST_COOLDOWN_S:
        yield refuse("scaling.cooldown_s", f"cooldown_s must be 0 to {LONGEST_COOLDOWN_S} s, not {cooldown_s}")
