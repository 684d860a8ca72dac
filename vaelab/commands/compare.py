"""`vaelab compare run=[R1,R2]`: configuration difference, metrics side by side, the elbo image by image."""

import math
from typing import NamedTuple

import numpy as np

from vaelab.config.flat import flat
from vaelab.datasets.prepare import static_seed
from vaelab.errors import ConfigError
from vaelab.records import run_folder
from vaelab.system import tables
from vaelab.system.printing import plus_minus
from vaelab.system.streams import document, output

# Settings of a dataset that leave its test images as they are.
SAME_IMAGES = ("validation", "epochs", "binarize_seed", "normal_classes")
# Settings that say where a run lies, what it is called and what it shows.
OWN = ("output_dir", "data_dir", "sweep_name", "run_name", "quiet")
TERMS = ("elbo", "elbo_critic", "distortion", "rate", "rate_critic")  # per image of codes.npz, in nats


def run(cfg) -> None:
    """Compares the first run with each other one."""
    chosen = [] if cfg.run is None else [cfg.run] if isinstance(cfg.run, str) else list(cfg.run)
    if len(chosen) < 2:
        raise ConfigError("run: expected at least two runs, as run=[R1,R2]. vaelab runs lists them.")
    if cfg.split not in ("test", "train"):
        raise ConfigError(f"split: expected test or train, got '{cfg.split}'.")
    folders = [run_folder.find(str(reference), cfg.output_dir) for reference in chosen]
    for n, folder in enumerate(folders):
        output(f"{_name(n)}  {folder}  ({folder.status().get('state', 'unknown')})")
    different = differences([facts_of(folder) for folder in folders])
    output("\nconfiguration" + ("" if different else ": no difference"))
    _print([[key, *map(_shown, values)] for key, values in different.items()], len(folders))
    scores = [folder.read_metrics() for folder in folders]
    names = sorted({name for found in scores for name in found})
    document(
        runs=list(map(str, folders)), split=cfg.split, configuration=different,
        metrics={name: [_plain(found.get(name)) for found in scores] for name in names}, paired=[],
    )  # fmt: skip
    output("\nmetrics, ± standard error over images")
    _print([[name, *(_score(found.get(name)) for found in scores)] for name in names], len(folders))
    for n, folder in enumerate(folders[1:], 1):
        output(f"\n{_name(n)} minus {_name(0)}, image by image ({cfg.split}, nats)")
        terms, missing = paired(folders[0], folder, cfg.split)
        found, _ = paired_terms(folders[0], folder, cfg.split)
        document(paired=[{"run": str(folder), "why_not": missing, "terms": [d._asdict() for d in found]}])
        lines = [tables.table(terms, folds=[2], indent=2)[0], f"  {missing}" if missing else ""]
        output("\n".join(filter(None, lines)))


def _name(n: int) -> str:
    return f"R{n + 1}"


def facts_of(folder) -> dict:
    """{dotted key: value} of everything in a run's configuration, with the chosen options."""
    found = {k: v for k, v in flat(folder.read_config()) if k not in OWN and not k.endswith("_target_")}
    return {**folder.status().get("chosen", {}), **found}


def differences(stored: list[dict]) -> dict[str, list]:
    """{key: value in each run} of the keys that differ; None where a run has no such key."""
    keys = dict.fromkeys(key for facts in stored for key in facts)
    found = {key: [facts.get(key) for facts in stored] for key in keys}
    return {key: values for key, values in found.items() if any(v != values[0] for v in values[1:])}


class Difference(NamedTuple):
    """A per-image term of one run minus that of another: mean and standard error in nats, share of images higher, n.

    Pairing takes the differences between images out: the error is that of this test set for these two runs; another
    seed may change more (vaelab train -m seed=0,1,2).
    """

    term: str
    mean: float
    se: float
    higher: float
    n: int


def paired_terms(first, second, split: str) -> tuple[list[Difference], str | None]:
    """(the second run's terms minus the first's, why there are none or why the elbo is not among them)."""
    one, two = (folder.read_codes(split) for folder in (first, second))
    measured, others_measured = (folder.read_by_image(split) for folder in (first, second))
    bare = [folder for folder, codes in ((first, one), (second, two)) if not codes]
    without = None
    if bare:
        without = f"{bare[0]} has no codes.npz with this split (its state is {bare[0].status().get('state')})."
    if without and not (first.data_checksum and first.data_checksum == second.data_checksum):
        return [], without  # no labels to tell by that the images are the same
    if why := not_same_images(first, second, one, two):
        return [], why
    ours, theirs = (
        {term: (np.arange(len(codes[term])), codes[term]) for term in TERMS if term in codes} | more
        for codes, more in ((one, measured), (two, others_measured))
    )
    found = []
    for term in (term for term in ours if term in theirs):
        (rows, a), (others, b) = ours[term], theirs[term]
        _, k, j = np.intersect1d(rows, others, assume_unique=True, return_indices=True)
        if not len(k):
            continue
        delta = b[j].astype(float) - a[k].astype(float)
        se = delta.std(ddof=1) / math.sqrt(len(delta)) if len(delta) > 1 else math.nan
        found.append(Difference(term, delta.mean(), se, (delta > 0).mean(), len(delta)))
    if any(d.term.startswith("elbo") for d in found):
        return found, None
    critic = "one run has a closed-form rate, the other a critic's estimate; they are not comparable."
    return found, f"elbo: {without or critic}"


def paired(first, second, split: str) -> tuple[list[tuple[str, str, str]], str | None]:
    """((term, mean difference with its standard error, what that says) of each term, what is not compared)."""
    found, why = paired_terms(first, second, split)
    return list(map(_in_words, found)), why if found or why is None else f"not compared: {why}"


def _in_words(d: Difference) -> tuple[str, str, str]:
    said = []
    if d.term.startswith(("elbo", "nll")):
        if d.se > 0:
            said.append(f"({abs(d.mean) / d.se:.1f} standard errors)")
        said.append(f"higher for {d.higher:.0%} of {d.n:,} images")
    return d.term, f"{d.mean:+10.4f} ± {d.se:.4f}", "  ".join(said)


def not_same_images(first, second, one: dict, two: dict) -> str | None:
    """Why the rows of two runs do not belong together, or None.

    Args:
        one, two: their codes, empty where a run has none.
    """
    if one and two and len(one["distortion"]) != len(two["distortion"]):
        return f"they were measured on {len(one['distortion']):,} and {len(two['distortion']):,} images."
    configs = [folder.read_config() for folder in (first, second)]
    data = [{k: v for k, v in (cfg.get("dataset") or {}).items() if k not in SAME_IMAGES} for cfg in configs]
    if data[0] != data[1]:
        keys = ", ".join(f"dataset.{k}" for k in {**data[0], **data[1]} if data[0].get(k) != data[1].get(k))
        return f"the data differ ({keys or 'dataset'})."
    drawn_from = [static_seed(cfg.get("dataset") or {}, cfg.get("seed")) for cfg in configs]
    if data[0].get("binarize") == "static" and drawn_from[0] != drawn_from[1]:
        return f"their static pixels were drawn from the seeds {drawn_from[0]} and {drawn_from[1]}."
    checksums = [folder.data_checksum for folder in (first, second)]
    held_out = [
        (cfg.get("seed"), *((cfg.get(node) or {}).get("validation") for node in ("trainer", "dataset")))
        for cfg in configs
    ]
    if held_out[0] == held_out[1] and all(checksums) and checksums[0] != checksums[1]:
        return f"the data of their trainings differ (checksums {checksums[0]} and {checksums[1]})."
    if "y" in one and "y" in two and not np.array_equal(one["y"], two["y"]):
        return "their images are in another order."
    return None


def _print(rows: list[list[str]], n: int) -> None:
    """The rows under the runs' names; runs for which a terminal has no room follow below."""
    runs, rows = list(range(1, n + 1)), [["", *(_name(k) for k in range(n))], *rows]
    while len(rows) > 1 and runs:
        if runs[0] > 1:
            output("")
        part = [[row[0], *(row[k] for k in runs)] for row in rows]
        text, left = tables.table(part, numbers=range(1, n + 1), folds=[0], first=range(len(part[0])), indent=2)
        output(text)
        runs = [runs[k - 1] for k in left] if len(left) < len(runs) else []


def _shown(value) -> str:
    text = "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _plain(score) -> dict | None:
    """What `--json` has of a stored score."""
    return score and {"value": score["value"], "se": score.get("se")}


def _score(score) -> str:
    if not score or score["value"] is None:
        return "-"
    return f"{score['value']:,.4f} {plus_minus(score, 2)}".rstrip()
