"""Domains of one's own for what answers requests, and the zones that hold their records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.resource import Ref, Resource

DOMAIN_REF, ZONE_REF = Ref("domain"), Ref("dns-zone")
DOMAIN_URL_OUTPUT, DNS_RECORDS_OUTPUT, NAME_SERVERS_OUTPUT = "domain_url", "dns_records", "name_servers"
"""The outputs of a component with a domain; those of a layer begin with its name."""

HaveRecords = Callable[[Sequence[str]], bool]
"""Says whether records such as `api.example.com CNAME host` are answered by public name servers. Blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsZone(Resource):
    """The public records of a domain; its registrar must name the zone's servers."""

    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomDomain(Resource):
    """A domain at which an API answers besides its own address, with a certificate that the cloud makes and renews.

    Its records are in the `zone`. Without one a person sets them, and the API answers at the domain only once they
    were found (`has_records`): until then the cloud does not issue the certificate.
    """

    domain: str
    api: Ref
    zone: Ref | None = None
    has_records: bool = False

    def find_own_records(self, outputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the records that an earlier deployment listed for this domain, as outputs of the stack."""
        listed = (it for name, it in outputs.items() if name.endswith(DNS_RECORDS_OUTPUT) and isinstance(it, list))
        return tuple(str(record) for records in listed for record in records if self._is_own(str(record)))

    def is_answered(self, outputs: Mapping[str, Any]) -> bool:
        """Whether the API answered at this domain already, according to the outputs of the stack."""
        urls = (str(it) for name, it in outputs.items() if name.endswith(DOMAIN_URL_OUTPUT))
        return any(url.partition("://")[2] == self.domain for url in urls)

    def _is_own(self, record: str) -> bool:
        """Whether a record is of the domain, or proves whose it is, and not of another domain below it."""
        name = record.partition(" ")[0]
        return name == self.domain or (name.startswith("_") and name.partition(".")[2] == self.domain)


def select_answered_domains(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return of the outputs of a stack the addresses at domains: those that it had then, whatever was set since."""
    return {name: value for name, value in outputs.items() if name.endswith(DOMAIN_URL_OUTPUT)}
