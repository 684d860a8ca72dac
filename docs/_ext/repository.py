"""Pages of the repository that live outside docs/ (studies, benchmarks, CONTRIBUTING, CHANGELOG) as pages of the site.

They are copied with their pictures; links between them become links between pages.
"""

import os
import re
import shutil
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s#]+)(#[^)]*)?\)")
KEPT = {".png", ".gif", ".jpg", ".csv", ".py", ".ipynb", ".cff"}  # copied beside the page that names them


def documents(root: Path = ROOT) -> dict[str, str]:
    """{file of the repository: document of the site}."""
    found = {"CONTRIBUTING.md": "contributing", "CHANGELOG.md": "changelog", "benchmarks/README.md": "speed/index"}
    found["experiments/README.md"] = "studies/index"
    for file in sorted(root.glob("experiments/*/README.md")):
        found[file.relative_to(root).as_posix()] = f"studies/{file.parent.name}/index"
    for file in sorted([*root.glob("docs/*.md"), *root.glob("docs/*/*.md")]):
        found[file.relative_to(root).as_posix()] = file.relative_to(root / "docs").with_suffix("").as_posix()
    return found


def relinked(text: str, file: str, document: str, root: Path = ROOT) -> tuple[str, dict[str, Path]]:
    """(Markdown whose links to files of the repository lead to pages, {path from it: file to copy there}).

    Raises:
        ValueError: a link leads nowhere, or to what is no page.
    """
    known, beside = documents(root), {}

    def of(match: re.Match) -> str:
        start, target, anchor = match.groups()
        aimed = os.path.relpath(os.path.normpath(root / Path(file).parent / target), root)
        if re.match(r"[a-z]+:", target):
            return match[0]
        wanted = f"{aimed}/README.md" if (root / aimed).is_dir() else aimed
        if wanted in known:
            return f"{start}{os.path.relpath(known[wanted] + '.md', PurePosixPath(document).parent)}{anchor or ''})"
        if file.startswith("docs/"):
            return match[0]  # Sphinx looks for it
        if not (root / aimed).is_file() or PurePosixPath(target).suffix not in KEPT:
            raise ValueError(f"{file} links to {target}, which is no page of the site.")
        beside[target] = root / aimed
        return match[0]

    return LINK.sub(of, text), beside


def write(folder: Path, root: Path = ROOT) -> None:
    """Writes the pages below docs/; unchanged files stay."""
    for file, document in documents(root).items():
        if file.startswith("docs/"):
            continue
        text, beside = relinked((root / file).read_text(encoding="utf-8"), file, document, root)
        if document == "studies/index":
            names = [f"{f.parent.name}/index" for f in sorted(root.glob("experiments/*/README.md"))]
            text += "\n".join(["", "```{toctree}", ":hidden:", "", *names, "```", ""])
        target = folder / f"{document}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
        for name, source in beside.items():
            copy = target.parent / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.is_file() or copy.read_bytes() != source.read_bytes():
                shutil.copyfile(source, copy)


def of_docs(app, document, source):
    """The same of a page below docs/, whose links work in the repository, too."""
    if f"docs/{document}.md" in documents():
        source[0], _ = relinked(source[0], f"docs/{document}.md", document)


def setup(app):
    app.connect("source-read", of_docs)
    app.connect("builder-inited", lambda app: write(Path(app.srcdir)))
    return {"parallel_read_safe": True}
