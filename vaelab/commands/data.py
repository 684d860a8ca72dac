"""`vaelab data list|fetch|verify|show`: datasets, where their files are expected, and whether they are right."""

import logging
import re
from pathlib import Path

import numpy as np

from vaelab.config import comments, locate
from vaelab.config.plain import plain
from vaelab.datasets import download, module
from vaelab.datasets.prepare import load_dataset
from vaelab.errors import ConfigError, first_line, visible
from vaelab.system import paths, tables
from vaelab.system.printing import NOTE
from vaelab.system.streams import output

log = logging.getLogger(__name__)


def run(cfg) -> int | None:
    """Does what `verb` says; 1 where verify found something wrong."""
    return {"list": _list, "fetch": _fetch, "verify": _verify, "show": _show}[cfg.verb](plain(cfg))


def _list(cfg) -> None:
    """Table of all datasets: size, whether their files are there, where they are or would be."""
    data_dir, cache = cfg["data_dir"], download.cache_dir()
    rows = [(name, visible(about), *_presence(node, data_dir)) for name, node, about in _all_nodes()]
    output(tables.table([("dataset", "size", "present", "files"), *rows], folds=[1, 3])[0])
    output(f"\ndata folder: {data_dir or 'not set: data_dir=FOLDER or VAELAB_DATA=FOLDER'}\nuser cache:  {cache}")
    output("What is missing is downloaded at its first use, or by: vaelab data fetch dataset=NAME")


def _presence(node: dict, data_dir: str | None) -> tuple[str, str]:
    """(yes, no, "2 of 4" or "-", the folder in words)."""
    files = module.files(node)
    if files is None:
        return "-", _needs(node)
    looked = download.places(node["folders"], data_dir)
    found = [download.find(f["name"], looked) for f in files]
    unpacked = _unpacked(node, looked)
    n_found = sum(map(bool, found))
    present = "yes" if unpacked or n_found == len(files) else f"{n_found} of {len(files)}" if n_found else "no"
    where = unpacked or (next(f for f in found if f).parent if n_found else looked[0])
    for base, word in ((data_dir, "data folder"), (download.cache_dir(), "user cache")):
        if base and where.is_relative_to(Path(base).expanduser()):
            inner = where.relative_to(Path(base).expanduser()).as_posix()
            return present, f"{word}{'' if inner == '.' else '/' + inner}"
    return present, str(where)


def _fetch(cfg) -> None:
    """Finds or downloads the files of one dataset."""
    node = _node(cfg)
    files = module.files(node)
    if node.get("licence"):
        output(f"licence of {_name(node)}: {node['licence']}")
    if files is None:
        output(f"{_name(node)} needs no download: {_needs(node)}.")
    elif unpacked := _unpacked(node, download.places(node["folders"], cfg["data_dir"])):
        output(f"{_name(node)} is there, unpacked: {unpacked}")
    else:
        for name, path in download.obtain(_name(node), files, node["folders"], cfg["data_dir"]).items():
            output(f"{name}: {path} ({path.stat().st_size:,} bytes)")


def _verify(cfg) -> int:
    """Checksums of the files, then what reading them gives: counts, shapes, labels."""
    node, official = _node(cfg), True
    for entry in module.files(node) or ():
        path = download.find(entry["name"], download.places(node["folders"], cfg["data_dir"]))
        official &= _verify_file(entry, path)
    dataset = _loaded(node, cfg)
    _describe(dataset)
    output(f"content: readable and consistent{'' if official else ', but not the official files'}")
    return 0 if official else 1


def _verify_file(entry: dict, path: Path | None) -> bool:
    if path is None:
        output(f"{entry['name']}: not there (unpacked, or it will be downloaded)")
        return True
    wrong = download.checksum_problem(path, entry)
    known = next((k for k in ("sha256", "md5") if entry.get(k)), None)
    if wrong:
        output(f"{path}: {wrong}, the official file has {known} {entry[known]}")
    else:
        right = f"{known} is right" if known else "no official checksum is known; only its content is checked"
        output(f"{path}: {right}")
    return wrong is None


def _show(cfg) -> None:
    """Writes a contact sheet."""
    from vaelab.plots.contact_sheet import contact_sheet

    node = _node(cfg)
    asked = cfg["output"]
    path = paths.output_file("output", f"{_name(node)}.png" if asked is None else asked, (".png",))
    dataset = _loaded(node, cfg)
    _describe(dataset)
    path = Path(f"{dataset.name}.png") if asked is None else path
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(dataset).savefig(path)
    output(f"contact sheet: {path.resolve()}")


def _loaded(node: dict, cfg):
    return load_dataset(
        node, data_dir=cfg["data_dir"], seed=cfg["seed"], validation=False, trusted=cfg.get("trusted") or ()
    )


def _describe(dataset) -> None:
    """Prints sizes, shapes and label counts of a dataset."""
    shapes = ", ".join("x".join(map(str, s)) for s in dataset.shapes)
    dtypes = ", ".join(sorted({str(x.dtype) for x in dataset.train.x}))
    sizes = f"{len(dataset.train):,} training, {len(dataset.test):,} test"
    output(f"{dataset.name}: {sizes}; {shapes} {dtypes}, {dataset.data_kind}")
    if dataset.factor_names:
        output("factors: " + ", ".join(f"{n} {k}" for n, k in zip(dataset.factor_names, dataset.factor_sizes)))
    if dataset.train.y is not None:
        n = len(dataset.class_names)
        counts = [np.bincount(s.y, minlength=n) for s in (dataset.train, dataset.test)]
        rows = [(str(k), name, *(f"{c[k]:,}" for c in counts)) for k, name in enumerate(dataset.class_names)]
        output(tables.table([("label", "class", "training", "test"), *rows], numbers=[0, 2, 3], folds=[1])[0])
    for note in dataset.notes:
        log.log(NOTE, note)


def _all_nodes():
    """(name, settings of its yaml, its size in words: what its head says after its name)."""
    import yaml

    for name in locate.options("dataset"):
        if (path := locate.option_file("dataset", name)) is None:
            continue
        try:
            node = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise ConfigError(f"dataset={name}: its file is not valid yaml ({first_line(error)}).") from None
        if isinstance(node, dict) and "_target_" in node:
            yield name, node, re.split(r":\s", comments.head(path).sentence, maxsplit=1)[-1].rstrip(".")


def _node(cfg) -> dict:
    if not cfg.get("dataset"):
        raise ConfigError(f"vaelab data {cfg['verb']} needs a dataset: dataset=mnist, for instance.")
    return cfg["dataset"]


def _name(node: dict) -> str:
    return node["_target_"].rpartition(".")[0].rpartition(".")[2]


def _unpacked(node: dict, looked: list[Path]) -> Path | None:
    """The folder an archive was unpacked to, if the dataset reads such a folder."""
    inner = module.folder(node)
    return next((p / inner for p in looked if (p / inner).is_dir()), None) if inner else None


def _needs(node: dict) -> str:
    if "path" in node:
        return "your own (dataset.path=...)"
    if "base" in node or "members" in node:
        return f"those of {' and '.join(node.get('members') or [node['base']])}"
    return "made here"
