"""The documentation site. `make docs` builds it; warnings are errors."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import vaelab  # noqa: E402

project = "vaelab"
author = copyright = "the vaelab authors"
release = version = vaelab.__version__

extensions = [
    "sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb", "sphinx_design",
    "options", "repository", "gallery_page", "glossary_page", "docstrings",
]  # fmt: skip
exclude_patterns = ["_build", "_ext", "gallery"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
nitpicky = True
smartquotes = False
default_role = "code"
highlight_language = "none"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks are shown as stored; tests/api/test_notebooks.py executes them
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_docstring_signature = False
napoleon_use_rtype = False
napoleon_google_docstring = True

html_theme = "furo"
html_title = "vaelab"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
