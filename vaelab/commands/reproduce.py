"""`vaelab reproduce`: train a recipe and judge it by its `expect:`, or repeat a run and compare it byte for byte."""

import difflib
import logging
from pathlib import Path
from typing import Any

from vaelab.config import folders, formula, words
from vaelab.config.nearest import nearest
from vaelab.errors import ConfigError, RunError, name_of
from vaelab.records.run_folder import RunFolder, removed_if_refused
from vaelab.system import tables
from vaelab.system.streams import document, output

log = logging.getLogger(__name__)

BOUNDS = ("at_most", "at_least", "within")
ENTRY = ("value", "published", *BOUNDS)


def experiment(cfg) -> bool:
    """Trains the composed recipe under Hydra and prints published | measured | margin; True if all pass.

    Raises:
        ConfigError: no recipe, or one that expects nothing.
    """
    from hydra.core.hydra_config import HydraConfig

    from vaelab.commands import train

    if not cfg.expect:
        raise ConfigError("reproduce: expected experiment=<recipe> with an expect: block, or run=<finished run>.")
    check_expectations(dict(cfg.expect))
    train.run(cfg)
    folder = RunFolder(HydraConfig.get().runtime.output_dir)
    return settle(folder, dict(cfg.expect))


def settle(folder: RunFolder, expect: dict) -> bool:
    """Judges what a run measured, prints and records the verdict; True if all pass."""
    verdicts = judge(expect, measured(folder))
    output(table(verdicts))
    folder.write_verdicts(verdicts)
    passed = all(v["passed"] for v in verdicts)
    document(runs=[{"run": str(folder), "passed": passed, "verdicts": verdicts}])
    return passed


def check_expectations(expect: dict) -> None:
    """ConfigError where an entry could not be judged, whatever is measured."""
    for name, entry in expect.items():
        bounds = [key for key in BOUNDS if key in entry] if hasattr(entry, "keys") else []
        unknown = sorted(set(entry) - set(ENTRY)) if bounds else []
        if len(bounds) != 1 or "value" not in entry:
            raise ConfigError(f"expect.{name}: expected value: <formula> and one of at_most, at_least, within.")
        if unknown:
            raise ConfigError(f"expect.{name}.{unknown[0]} is not a setting. {nearest(unknown[0], ENTRY)}")
        if bounds == ["within"] and "published" not in entry:
            raise ConfigError(f"expect.{name}: within needs published, the value it is measured from.")
        for key in (*bounds, *(["published"] if entry.get("published") is not None else [])):
            if isinstance(entry[key], bool) or not isinstance(entry[key], int | float):
                raise ConfigError(f"expect.{name}.{key}: expected a number, got '{entry[key]}'.")
        formula.parsed(entry["value"])


def measured(folder: RunFolder) -> dict[str, float]:
    """Names a formula may use: test metrics without "test/", the last epoch's train_... and val_..., beta, ..."""
    names = {k.removeprefix("test/"): v["value"] for k, v in folder.read_metrics().items() if k.startswith("test/")}
    config, history = folder.read_config(), folder.read_history()
    names |= {k.replace("/", "_"): v for k, v in history[-1].items() if v is not None} if history else {}
    status = folder.status()
    facts = {key: status.get(key) for key in ("parameters", "seconds")} | {"beta": config["beta"]}
    facts["latent_dim"] = status.get("latent_dim") or config["latent_dim"]  # the structure may set it
    return names | {key: value for key, value in facts.items() if value is not None}


def judge(expect: dict, names: dict) -> list[dict]:
    """One verdict per entry: {name, published, measured, bound, margin, passed}.

    An entry has `value` (a formula) and one of `at_most`, `at_least`, or `within` beside `published`. The margin is how
    far the measured value is on the good side of the bound.
    """
    verdicts = []
    for name, entry in expect.items():
        found, published = formula.value(entry["value"], names), entry.get("published")
        if "at_most" in entry:
            bound, margin = f"<= {entry['at_most']:g}", entry["at_most"] - found
        elif "at_least" in entry:
            bound, margin = f">= {entry['at_least']:g}", found - entry["at_least"]
        else:
            bound, margin = f"± {entry['within']:g}", entry["within"] - abs(found - published)
        verdicts.append(
            {"name": name, "published": published, "measured": found, "bound": bound, "margin": margin,
             "passed": bool(margin >= 0)}
        )  # fmt: skip
    return verdicts


def table(verdicts: list[dict]) -> str:
    """published | measured | margin | verdict, aligned."""
    rows = [("", "published", "measured", "bound", "margin", "")]
    for v in verdicts:
        published = "-" if v["published"] is None else f"{v['published']:.5g}"
        rows.append(
            (v["name"], published, f"{v['measured']:.5g}", v["bound"], f"{v['margin']:+.3g}",
             "PASS" if v["passed"] else "FAIL")
        )  # fmt: skip
    return tables.table(rows, numbers=range(1, 6), folds=[0])[0]


def run(cfg) -> int:
    """Repeats a finished run from its folder and compares all weights byte for byte; exit code 1 where they differ."""
    import numpy as np

    from vaelab.jobs import opening
    from vaelab.jobs.train import train

    folder, stored = opening.finished_run(cfg)
    if (state := folder.status().get("state")) != "done":
        raise RunError(
            f"{folder} is {state or 'unfinished'}: only a finished run can be compared with a repetition. "
            + words.pasteable("vaelab", "resume", words.setting("run", folder))
        )
    opening.start_backend(stored)
    from vaelab.training.checkpoint import CheckpointFolder
    from vaelab.training.variables import by_path  # imports Keras

    stored = opening.as_begun(stored, folder)

    def weights(run: RunFolder):
        if (saved := CheckpointFolder(run.checkpoint).load()) is None:
            raise RunError(f"{run}: its checkpoint/ is empty, there is nothing to compare with.")
        return saved.model

    original = weights(folder)
    base = Path(cfg.output_dir) / "reproduced"
    before = folders.existing(base)
    again = RunFolder(folders.make_unique(base, folder.path.name))
    silent = {node: {**stored[node], "enabled": False} for node in ("tracking", "explorer")}
    wanted = {**stored, **silent, "metrics": {}, "plots": {}, "output_dir": str(cfg.output_dir)}
    with removed_if_refused(again, before):
        train(
            wanted, again, chosen=folder.status().get("chosen", {}), original=folder,
            accept_changed_data=cfg.accept_changed_data,
        )  # fmt: skip
    repeated: Any = weights(again)  # of today, so by path
    first = by_path(original, repeated, f"{folder.checkpoint}")
    if only_once := sorted(first.keys() ^ repeated.keys()):
        raise RunError(f"{name_of(only_once[0])} is a variable of {folder} or of its repetition, but not of both.")
    pairs = [(first[path], repeated[path]) for path in first]
    equal = sum(a.tobytes() == b.tobytes() for a, b in pairs)
    largest = max((float(np.abs(a.astype(float) - b).max()) for a, b in pairs if a.size), default=0.0)
    same = equal == len(pairs)
    output(f"{equal} of {len(pairs)} arrays identical byte for byte; largest difference {largest:.3g}.")
    different = environment_difference(folder, again)
    facts = {"arrays": len(pairs), "identical": equal, "largest_difference": largest, "environment": different}
    document(runs=[{"run": str(folder), "repeated": str(again), "passed": same, **facts}])
    if different:
        text = "The environments differ:\n" + "\n".join(different)
        output(text) if same else log.warning(text)
    output("PASS" if same else "FAIL")
    return 0 if same else 1


def environment_difference(one: RunFolder, other: RunFolder) -> list[str]:
    """Lines of environment.txt in which two runs differ, - then, + now."""
    before, now = (folder.read_environment().splitlines() for folder in (one, other))
    found = difflib.unified_diff(before, now, lineterm="", n=0)
    return [f"  {line}" for line in found if line[:1] in "+-" and not line.startswith(("+++", "---"))]
