"""The documentation site: its reference is conf/, its links lead somewhere, it builds without a warning."""

import importlib.util
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from support import ROOT

DOCS = ROOT / "docs"
YAMLS = sorted(file.relative_to(ROOT).as_posix() for file in ROOT.glob("conf/**/*.yaml"))


def extension(name):
    """A module of docs/_ext."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


options, repository = extension("options"), extension("repository")
ALL = {o.file: o for of_group in options.options().values() for o in of_group}


def flat(content, prefix=""):
    """(name, value) of everything in nested mappings, of these too."""
    for key, value in content.items():
        yield f"{prefix}{key}", value
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")


def test_every_yaml_has_an_entry():
    text = "\n".join(options.pages().values())
    assert sorted(ALL) == YAMLS
    assert [o.file for o in ALL.values() if f"({o.label})=" not in text or not o.text] == []
    labels = [o.label for o in ALL.values()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("file", YAMLS)
@pytest.mark.quick(30)
def test_an_entry_has_every_setting_and_every_comment(file):
    source = (ROOT / file).read_text(encoding="utf-8")
    option = ALL[file]
    there = dict(flat({k: v for k, v in yaml.safe_load(source).items() if k not in ("defaults", "_target_")}))
    told = {name.removeprefix(options._prefix(option)): default for name, default, _ in option.settings}
    for name, default in told.items():
        several = isinstance(there[name], list | dict) and default in ("", f"{len(there[name])} entries")
        assert several or yaml.safe_load(default) == there[name], name
    assert [n for n in there if not any(f"{n}.".startswith(f"{t}.") or t.startswith(f"{n}.") for t in told)] == []

    def words(text):
        return re.findall(r"\w+", text)

    shown = words(" ".join([option.text, option.cost, *option.papers, *option.examples, option.package]))
    shown += [w for _, _, said in option.settings for w in words(said)]
    without_defaults = re.sub(r"^defaults:\n(  .*\n)*", "", source, flags=re.M)
    comments = re.findall(r"^\s*#(.*)$|\s#\s(.*)$", without_defaults, flags=re.M)
    lost = [
        w for a, b in comments for w in words(re.sub(r"@package|^\s*(paper|cost)s?:", "", a or b)) if w not in shown
    ]
    assert lost == []


HEAD = """# @package metrics.mine
# Mean length of a code (Author & Other, 2020), in nats < 3 | 4.
# paper: Author & Other (2020), "Title",
#     a second line
# cost: one pass over the split
# vaelab evaluate run=latest metric=[mine]
_target_: my_parts.mine
split: test          # train | test
# above it
wide: [1, 2]
more: {a: "x # y"}   # behind
deep:
  er: null           # first
                     # second
"""


def test_what_a_yaml_says_of_itself(tmp_path):
    file = tmp_path / "conf" / "metric" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(HEAD)
    option = options.read(file, tmp_path / "conf")
    assert option.text == "Mean length of a code (Author & Other, 2020), in nats < 3 | 4."
    assert (
        option.papers == ['Author & Other (2020), "Title", a second line'] and option.cost == "one pass over the split"
    )
    assert option.examples == ["vaelab evaluate run=latest metric=[mine]"] and option.part == "my_parts.mine"
    assert option.settings == [
        ("metrics.mine.split", "test", "train | test"),
        ("metrics.mine.wide", "[1, 2]", "above it"),
        ("metrics.mine.more", '{a: "x # y"}', "behind"),
        ("metrics.mine.deep.er", "null", "first second"),
    ]


def test_links_of_pages_lead_somewhere():
    pages = [ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("*/*.md")]
    made = ("reference/options/", "gallery.md", "glossary.md", "studies/", "speed/", "contributing.md", "changelog.md")
    lost = []
    for page in pages:
        if page.relative_to(ROOT).as_posix().removeprefix("docs/").startswith(made):
            continue
        for _, target, _ in repository.LINK.findall(page.read_text(encoding="utf-8")):
            aimed = (page.parent / target).resolve()
            of_the_site = aimed.is_relative_to(DOCS) and aimed.relative_to(DOCS).as_posix().startswith(made)
            if not re.match(r"[a-z]+:", target) and not of_the_site and not aimed.exists():
                lost.append(f"{page.name}: {target}")
    assert lost == []


def test_every_picture_is_in_the_gallery():
    shown, there = ({file.stem for file in DOCS.parent.glob(p)} for p in ("docs/gallery/*", "conf/plot/*.yaml"))
    assert shown <= there and there - shown <= {"umap"}  # which needs an extra


class Links(HTMLParser):
    """Ids and links of a page."""

    def __init__(self, page: Path):
        super().__init__()
        self.ids, self.links = set(), set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            elif (tag, name) in {("a", "href"), ("img", "src"), ("link", "href"), ("script", "src")} and value:
                self.links.add(unquote(value))


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_its_links_lead_somewhere(tmp_path):
    for name in ("sphinx", "furo", "myst_nb", "sphinx_design"):
        pytest.importorskip(name, reason='pip install "vaelab[docs]"')
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("_build"))
    for beside in ("conf", "vaelab", "experiments", "benchmarks", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        (tmp_path / beside).symlink_to(ROOT / beside)
    built = tmp_path / "html"
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html", tmp_path / "docs", built]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = {page: Links(page) for page in built.rglob("*.html")}
    lost = []
    for page, found in pages.items():
        for link in found.links:
            path, _, anchor = link.partition("#")
            aimed = (page.parent / path.partition("?")[0]).resolve() if path else page
            if re.match(r"[a-z]+:|//", link):
                continue
            if not aimed.exists() or (anchor and aimed in pages and anchor not in pages[aimed].ids):
                lost.append(f"{page.relative_to(built)}: {link}")
    assert lost == [], lost[:20]
