"""What the documents show is there: commands, options, keys, modules, targets and files; and a way to each page."""

from __future__ import annotations

import re
from pathlib import Path

from tests.documented_snippets import (
    DOCUMENTS,
    Snippet,
    find_block_faults,
    find_inline_faults,
    read_blocks,
    read_inline,
)

_CONTENTS = re.compile(r"^```\{toctree\}\n(?P<options>(?::.*\n)*)\n(?P<pages>(?:.*\n)*?)```$", re.MULTILINE)


class TestSnippets:
    def test_in_blocks_are_of_this_version(self) -> None:
        blocks = [block for document in DOCUMENTS for block in read_blocks(document)]

        assert [f"{block.place}: {fault}" for block in blocks for fault in find_block_faults(block)] == []

    def test_within_texts_are_of_this_version(self) -> None:
        snippets = [snippet for document in DOCUMENTS for snippet in read_inline(document)]

        assert [f"{one.place}: `{one.text}`: {fault}" for one in snippets for fault in find_inline_faults(one)] == []


class TestFaultsOfSnippets:
    """Each kind of fault is found, so that an empty list says something."""

    def test_in_commands(self) -> None:
        text = """
$ semantest-iac deploi
HOME=/tmp semantest-iac deploy rest-api --cannary 10% | tee log
python -m semantest_iac events dead-letters shw
semantest-iac logs --elvel loud && make tst
make campaign gatway ARGS="--cloud aws"
python tools/generate_nothing.py
semantest-iac rollback rest-api --to 3 --dry-run
        """

        assert list(find_block_faults(Snippet("", "sh", text))) == [
            "there is no command deploi",
            "No such option '--cannary'. Did you mean '--canary'?",
            "No such command 'shw'. Did you mean 'show'?",
            "No such option '--elvel'. (Did you mean one of: '--env', '--help'?)",
            "make has no target tst",
            "there is no campaign gatway",
            "there is no tools/generate_nothing.py",
        ]

    def test_in_files(self) -> None:
        configuration = "components:\n  rest-api: {memroy: 512}\n"
        program = "from semantest_iac import deplyo\nfrom semantest_send import message, mesage\nimport nothing_here\n"

        assert list(find_block_faults(Snippet("", "yaml", configuration))) == [
            "components.rest-api.memroy: unknown key"
        ]
        assert list(find_block_faults(Snippet("", "python", program))) == [
            "semantest_iac has no deplyo",
            "semantest_send has no mesage",
            "there is no module nothing_here",
        ]
        assert list(find_block_faults(Snippet("", "python", "def :"))) != []
        assert list(find_block_faults(Snippet("", "json", "{"))) != []

    def test_within_texts(self) -> None:
        assert list(find_inline_faults(Snippet("", "inline", "deploy --detatch"))) != []
        assert list(find_inline_faults(Snippet("", "inline", "tests/test_nothing.py"))) == ["there is no such file"]
        assert list(find_inline_faults(Snippet("", "inline", "semantest-iac deploy …"))) == []


class TestSite:
    def test_leads_to_every_page_once(self, root: Path) -> None:
        docs = root / "docs"
        listed = [name for name in ("index", "decisions") for name in _list_contents(docs, docs / f"{name}.md")]
        pages = [path.relative_to(docs).with_suffix("").as_posix() for path in docs.rglob("*.md")]

        assert sorted(listed) == sorted(page for page in pages if page != "index"), "list it in docs/index.md"


def _list_contents(docs: Path, page: Path) -> list[str]:
    found: list[str] = []
    for contents in _CONTENTS.finditer(page.read_text(encoding="utf-8")):
        for name in re.findall(r"^(?:.* <)?([\w/*-]+)>?$", contents["pages"], re.MULTILINE):
            is_pattern = ":glob:" in contents["options"] and "*" in name
            matches = [path.relative_to(docs).with_suffix("").as_posix() for path in docs.glob(f"{name}.md")]
            found += matches if is_pattern else [name]
    return found
