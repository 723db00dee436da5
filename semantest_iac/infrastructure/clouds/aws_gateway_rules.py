"""What API Gateway accepts of a gateway beyond what every cloud does; paths are relative to the component."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, refuse


def check_gateway_headers(subject: RuleSubject) -> Iterator[Finding]:
    """The value of a header that is set stands between quotes, and nothing escapes one in it.

    Source: API Gateway's developer guide, "Mapping API request and response data" (static values).
    """
    for name, api in subject.platform.gateway.apis.items() if subject.platform else ():
        for header, value in api.request_headers.set.items():
            if "'" in value:
                at = f"gateway.apis.{make_printable(name)}.request_headers.set.{make_printable(header)}"
                yield refuse(at, "API Gateway takes no ' in the value of a header", "Leave it out.")


def check_gateway_variables(subject: RuleSubject) -> Iterator[Finding]:
    """A place in the paths of a gateway has a variable for one segment, or one for the rest, not both.

    Source: its answer "A sibling ({id}) of this resource already has a variable path part -- only one is allowed".
    """
    found: dict[str, tuple[bool, str]] = {}
    for name, api in subject.platform.gateway.apis.items() if subject.platform else ():
        paths = [it.path for it in api.operations] if api.operations is not None else ["/{path+}"]
        for path in paths:
            place = ""
            for segment in f"{api.path or f'/{name}'}/{path}".split("/"):
                is_variable, is_greedy = segment.startswith("{"), segment.endswith("+}")
                known = found.setdefault(place, (is_greedy, f"{segment} of '{name}'")) if is_variable else None
                if known and known[0] is not is_greedy:
                    at = f"gateway.apis.{make_printable(name)}.operations"
                    reason = f"{make_printable(segment)} is at the same place as {make_printable(known[1])}"
                    yield refuse(
                        at, f"{reason}, and API Gateway takes one of them", "Write one kind of variable there."
                    )
                place += f"/{'{}' if is_variable else segment}" if segment else ""
