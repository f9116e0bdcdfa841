"""What MkDocs does beyond docs/: pages of the repository, and a reference made from the code.

Files such as ARCHITECTURE.md stay where readers of the repository look for them; here they are
given a place in the site, and links are made to follow.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from contextlib import redirect_stdout, suppress
from pathlib import Path
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PLACES = {
    "ARCHITECTURE.md": "project/architecture.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "project/security.md",
    "examples/README.md": "examples.md",
    "experiments/README.md": "tables.md",
}
"""Files of the repository, and where they are in the site."""
ROOMS = {
    "errors": "polar_search/errors.py",
    "program": "polar_search/program",
    "execution": "polar_search/execution",
    "tasks": "polar_search/tasks",
    "search": "polar_search/search",
    "predictor": "polar_search/predictor",
    "agents": "agents",
    "envs": "envs",
    "analysis": "polar_search/analysis",
    "exchange": "polar_search/exchange",
    "serving": "polar_search/serving",
    "cluster": "polar_search/cluster",
    "testing": "polar_search/testing",
}
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)#\s]*)(#[^)\s]*)?\)")


def on_startup(command: str, dirty: bool) -> None:  # noqa: ARG001
    """Lay out the package as it is imported: agents and envs are in it, and on top on disk.

    Before the configuration is read, which leaves out paths that are not there.
    """
    package = ROOT / "build" / "source" / "polar_search"
    shutil.rmtree(package, ignore_errors=True)
    unwanted = shutil.ignore_patterns("__pycache__", "data", "bundled-*")
    for path, place in (("polar_search", ""), ("agents", "agents"), ("envs", "envs")):
        shutil.copytree(ROOT / path, package / place, ignore=unwanted, dirs_exist_ok=True)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""

    def add(place: str, **source: str) -> None:
        files.append(File.generated(config, place, **source))

    for name, place in PLACES.items():
        if name not in ("README.md", "examples/README.md"):
            add(place, abs_src_path=str(ROOT / name))
    scripts = (f"## {path.name}\n```python\n{path.read_text()}```" for path in EXAMPLES)
    add("examples.md", content="\n\n".join([(ROOT / "examples/README.md").read_text(), *scripts]))
    for figure in (ROOT / "experiments" / "figures").glob("*.png"):
        add(f"figures/{figure.name}", abs_src_path=str(figure))
    add("reference/commands.md", content=commands())
    for room, path in ROOMS.items():
        add(f"reference/{room}.md", content=reference(room, ROOT / path))
    return files


def commands() -> str:
    """What every command says of itself."""
    from polar_search import cli

    os.environ["COLUMNS"] = "84"
    pages = ["# Commands\n\nWhat `polar-search COMMAND --help` says."]
    for name in cli.COMMANDS:
        printed = io.StringIO()
        with redirect_stdout(printed), suppress(SystemExit):
            cli.main([name, "--help"])
        pages.append(f"## {name}\n```text\n{printed.getvalue().rstrip()}\n```")
    return "\n\n".join(pages)


def reference(room: str, path: Path) -> str:
    """The public parts of every module of a room."""
    modules = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    parts = [f"::: {_name_of(module)}{_options(module)}" for module in modules]
    return "\n\n".join([f"# polar_search.{room}", *parts])


def _options(module: Path) -> str:
    """A package opens its page; what it gathers from its modules is told where it comes from."""
    if module.name != "__init__.py":
        return ""
    own = re.findall(r"^(?:class|def) ([A-Za-z]\w*)", module.read_text(), re.MULTILINE)
    return (
        f"\n    options: {{members: {own}, show_root_heading: false, show_root_toc_entry: false}}"
    )


def _name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts).removesuffix(".__init__")
    return name if name.startswith("polar_search") else f"polar_search.{name}"


def on_page_markdown(markdown: str, page: Page, files: Files, **_: MkDocsConfig) -> str:
    """Let links follow the pages to their places; what the site does not have is named only."""
    here = {place: name for name, place in PLACES.items() if name != "README.md"}
    source = here.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def followed(match: re.Match[str]) -> str:
        image, text, target, anchor = match.groups()
        path = normpath(f"{Path(source).parent.as_posix()}/{target}")
        place = _place(path)
        if files.get_file_from_path(place) is None:
            return text if (ROOT / path).exists() else match[0]
        return f"{image}[{text}]({relpath(place, Path(page.file.src_uri).parent)}{anchor or ''})"

    return LINK.sub(followed, markdown)


def _place(path: str) -> str:
    """Where a file of the repository is in the site."""
    figures = path.replace("experiments/figures/", "docs/figures/")
    return PLACES.get(path, figures.removeprefix("docs/"))
