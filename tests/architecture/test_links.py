"""Every link between the documents leads to a file, and to a heading of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_FENCES = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{document.relative_to(_ROOT)}: {link}"
        for document in _list_documents()
        for link in _LINK.findall(_CODE.sub("", document.read_text(encoding="utf-8")))
        if "://" not in link and not link.startswith("mailto:") and not _leads_somewhere(document, link)
    ]

    assert broken == []


def _list_documents() -> Iterator[Path]:
    yield from _ROOT.glob("*.md")
    yield from (_ROOT / "docs").rglob("*.md")


def _leads_somewhere(document: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return False
    return not heading or heading in _slugs(target)


@cache
def _slugs(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings: lower case, without punctuation, with hyphens for spaces."""
    headings = _HEADING.findall(_FENCES.sub("", document.read_text(encoding="utf-8")))
    found: set[str] = set()
    for heading in headings:
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        repeated = sum(1 for one in found if re.fullmatch(re.escape(slug) + r"(-\d+)?", one))
        found.add(f"{slug}-{repeated}" if repeated else slug)
    return found
