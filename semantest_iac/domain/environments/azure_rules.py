"""What Azure demands of a component beyond what every cloud does: sizes, instances, subnets, and its two endpoints.

Paths start at the component.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from semantest_iac.domain.environments.judging import Finding, Rule, Subject, advise, refuse
from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.environments.sizes import largest, memory_of

MOST_INSTANCES, USUAL_INSTANCES, FEW_INSTANCES = 1000, 100, 40  # source: Terraform's provider and Azure's advice
RISKY_MEMORY = 512

_SUBNET = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[\w.()-]{1,90}/providers/Microsoft\.Network"
    r"/virtualNetworks/[\w.-]{2,64}/subnets/(?P<name>[\w.-]{1,80})",
    re.IGNORECASE,
)


def memory(subject: Subject) -> Iterator[Finding]:
    """One of three sizes; in between, the next size up is taken and paid for."""
    asked, most = subject.section.memory, largest("azure", 0)
    if asked is None or asked < 1:
        return
    size = memory_of("azure", asked)
    if asked > most:
        yield refuse("memory", f"Azure Functions have {most} MB at most, not {asked}", f"Write {most} or less.")
    elif size != asked:
        yield advise("memory", f"{asked} MB become {size}, the next size that Azure has", f"Write {size}.")
    elif size == RISKY_MEMORY:
        yield advise("memory", f"some regions of Azure refuse {RISKY_MEMORY} MB", "Write 2048 where yours does.")


def instances(subject: Subject) -> Iterator[Finding]:
    """Up to 1000; without a word on it Azure takes 100."""
    least, most = subject.section.instances.min or 0, subject.section.instances.max
    if most is not None and most > MOST_INSTANCES:
        yield refuse("instances.max", f"Azure runs {MOST_INSTANCES} instances at most, not {most}")
    elif most is not None and 0 < most < FEW_INSTANCES:
        yield advise("instances.max", f"fewer than {FEW_INSTANCES} are for special workloads, says Azure")
    if most is None and least > USUAL_INSTANCES:
        hint = "Write instances.max as well."
        yield refuse("instances.min", f"min ({least}) is above the {USUAL_INSTANCES} that Azure runs at most", hint)


def network(subject: Subject) -> Iterator[Finding]:
    """By its id; that it is one, without a security group, is what the cloud says it can do."""
    for place, subnet in enumerate(subject.section.network.subnet_ids or ()):
        match = _SUBNET.fullmatch(subnet)
        hint = "Such as /subscriptions/…/virtualNetworks/<network>/subnets/<subnet>."
        if match is None:
            yield refuse(f"network.subnet_ids[{place}]", f"'{shown(subnet)}' is not the id of a subnet", hint)
        elif "_" in match["name"]:
            yield refuse(f"network.subnet_ids[{place}]", "Flex Consumption takes no subnet with '_' in its name")


def built_in_endpoint(subject: Subject) -> Iterator[Finding]:
    """In development no gateway stands before the app, unless a token has to be checked."""
    section = subject.section
    if subject.environment != "development" or section.authorizer or not subject.serves_http:
        return
    hint = "Any other environment has a gateway, and so has development with an authorizer."
    if _is_throttled(subject):
        yield advise("throttling", "without effect: the app's own endpoint limits nobody", hint)
    if section.cors and (section.cors.methods or section.cors.headers or section.cors.max_age is not None):
        yield advise("cors", "methods, headers and max_age are without effect: the app's own endpoint allows all", hint)


def hub(subject: Subject) -> Iterator[Finding]:
    """Web PubSub counts connections and messages by its units, and slows down no client."""
    if not subject.serves_http and _is_throttled(subject):
        yield advise("throttling", "without effect: Web PubSub limits no client's messages")


def _is_throttled(subject: Subject) -> bool:
    asked = subject.section.throttling
    return asked.rate is not None or asked.burst is not None


RULES: tuple[Rule, ...] = (memory, instances, network, built_in_endpoint, hub)
