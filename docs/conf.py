"""How Sphinx builds the site: `nox -s docs`. Nothing is fetched while it builds."""

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "maha_core"
author = "maha_core developers"
copyright = "maha_core developers"  # noqa: A001  # the name that Sphinx reads
release = version = metadata.version("maha-core")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",  # brings MathJax: formulas need no network either
    "repository_links",
    "backend_matrix",
    "gallery_pictures",
    "public_members",
]

root_doc = "index"
exclude_patterns = ["_build", "_templates", "extensions", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
nitpicky = False
suppress_warnings = ["config.cache"]  # the gallery's functions cannot be pickled

# -- pages in Markdown -----------------------------------------------------------------------------

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

# -- reference -------------------------------------------------------------------------------------

default_role = "autolink"  # of docstrings: `sqdist` is a link
autosummary_generate = True
autodoc_typehints = "none"  # docstrings say types, with shapes
autodoc_default_options = {"members": True, "inherited-members": True}
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
viewcode_line_numbers = True

# -- gallery ---------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/\w+_\w+\.py",
    "ignore_pattern": r"(plane|style)\.py",
    "image_scrapers": ("gallery_pictures.scraper",),
    "reset_argv": "gallery_pictures.arguments",
    "reset_modules": (),
    "abort_on_example_error": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
}

# -- HTML ------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "maha_core"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
