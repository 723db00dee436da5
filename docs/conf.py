"""How `make docs` builds the site; the pages are Markdown, and read the same without it."""

import tomllib
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "semantest_iac"
release = version = _PROJECT["version"]
html_title = f"{project} {release}"

extensions = ["myst_parser"]
exclude_patterns = ["examples"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # pages that others include begin below their title
nitpicky = True
highlight_language = "none"  # what prints nothing but text has no language
smartquotes = False  # "--set" is an option, and no dash

html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False


def link_to_built_pages(_app, _page, source):
    """The changelog is at the top of the repository, and a page of the site."""
    source[0] = source[0].replace("](../CHANGELOG.md", "](changelog.md")


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", link_to_built_pages)
