"""The table of what is reached from where covers what has an address, and is in the documentation."""

from __future__ import annotations

from pathlib import Path

from semantest_iac.domain.blueprints.capabilities import RESOURCE_KINDS
from semantest_iac.domain.blueprints.public_access import PUBLIC_ACCESS, REACH_WORDS, Reach

_PAGE = Path(__file__).parents[3] / "docs" / "platform.md"


def test_table_is_documented() -> None:
    rows = [f"| {it.part} | {REACH_WORDS[it.usual]} | {REACH_WORDS[it.private]} |" for it in PUBLIC_ACCESS]
    table = "\n".join(["| Part | Without private endpoints | With private endpoints |", "|---|---|---|", *rows, ""])

    assert f"\n{table}\n" in _PAGE.read_text(encoding="utf-8")


def test_internet_reaches_the_site_and_the_gateway_alone() -> None:
    assert {it.part for it in PUBLIC_ACCESS if Reach.EVERYBODY in (it.usual, it.private)} == {"site", "gateway"}


def test_private_endpoints_open_nothing() -> None:
    assert all(it.private <= it.usual for it in PUBLIC_ACCESS)


def test_parts_are_kinds_of_their_own() -> None:
    assert {it.kind for it in PUBLIC_ACCESS} <= RESOURCE_KINDS.keys()
    assert len({it.part for it in PUBLIC_ACCESS}) == len({it.kind for it in PUBLIC_ACCESS}) == len(PUBLIC_ACCESS)
