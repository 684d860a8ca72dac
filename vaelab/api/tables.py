"""Runs beside each other, as DataFrames: `vaelab.runs` and `vaelab.compare`."""

from dataclasses import dataclass

from vaelab.config.commands import RUN_FILTERS
from vaelab.config.nearest import nearest
from vaelab.errors import ConfigError


def runs(output_dir="outputs", *, columns=None, **filters):
    """What was trained, one row per run, oldest first.

    Args:
        output_dir: the folder with the runs; those of sweeps are among them.
        columns: names of columns; None for the usual ones and every metric. A run's settings ("trainer.epochs"), chosen
            options ("posterior"), metrics ("test/rate", "test/rate.se") and costs ("seconds") are columns.
        **filters: dataset, model, objective, state, beta, latent_dim, seed: rows with that value.

    Returns:
        DataFrame; `vaelab.load(row.run)` opens a row's run.

    Raises:
        ConfigError: a filter or column that there is not.

    Examples:
        >>> runs = vaelab.runs("outputs", dataset="fashionmnist")
        >>> runs.pivot_table(index="latent_dim", columns="beta", values="test/elbo")
    """
    from vaelab.records import listing

    for key in filters:
        if key not in RUN_FILTERS:
            raise ConfigError(f"runs: {key} is no filter. {nearest(key, RUN_FILTERS)}")
    return frame(listing.rows(output_dir, filters), columns)


def frame(rows: list[dict], columns=None, leading=()):
    """DataFrame of rows of `records.listing`.

    Args:
        leading: settings shown first, where `columns` is None.
    """
    import pandas as pd

    from vaelab.records.listing import COLUMNS, with_columns

    if columns is None:
        metrics = sorted({n for row in rows for n in row["facts"] if "/" in n and not n.endswith(".se")})
        columns = [n for n in (*leading, *COLUMNS) if n not in ("mlflow", "age", "elbo", "elbo_critic")]
        columns = [*dict.fromkeys(columns), "age", *metrics]
    content = pd.DataFrame(with_columns(rows, columns), columns=list(columns))
    for name in content.columns:
        if "/" in name:  # a metric; None where there is none
            content[name] = pd.to_numeric(content[name])
    if "age" in content:
        content["age"] = pd.to_datetime(content["age"], unit="s").dt.round("s")
        content = content.rename(columns={"age": "started"})
    return content


@dataclass
class Comparison:
    """What differs between runs; the first is what the others are compared with.

    Attributes:
        runs: their folders.
        configuration: DataFrame, a row per setting that differs, a column per run.
        metrics: DataFrame, a row per metric, a column per run.
        paired: DataFrame of differences to the first run, image by image: mean and se in nats, share of images that
            are higher, n; empty where the runs' images are not the same.
        note: why images were not compared, or None.
    """

    runs: list[str]
    configuration: object
    metrics: object
    paired: object
    note: str | None

    def _repr_html_(self):
        from vaelab.api.card import frames_card

        names = (f"R{n} = {run}" for n, run in enumerate(self.runs, start=1))
        tables = {"configuration": self.configuration, "metrics": self.metrics}
        tables[f"image by image{f': {self.note}' if self.note else ', nats'}"] = self.paired
        return frames_card(", ".join(names), tables)


def compare(*references, split: str = "test", output_dir="outputs") -> Comparison:
    """What differs between two or more runs: settings, metrics, and the elbo image by image.

    Args:
        *references: `Run`s, run folders, names or ids; the first is what the others are compared with.
        split: test or train, for the comparison of images.
        output_dir: where runs are looked for by name.

    Returns:
        A `Comparison`. Pairing takes the differences between images out: its error is that of this test set for these
        runs; another seed may change more.

    Raises:
        ConfigError: fewer than two runs.
        RunError: there is no such run.

    Examples:
        >>> found = vaelab.compare(a, b)
        >>> found.paired
    """
    import pandas as pd

    from vaelab.api.run import Run
    from vaelab.commands.compare import differences, facts_of, paired_terms
    from vaelab.records import run_folder

    if len(references) < 2:
        raise ConfigError(f"compare: expected at least two runs, got {len(references)}.")
    if split not in ("test", "train"):
        raise ConfigError(f"split: expected test or train, got '{split}'.")
    folders = [r.folder if isinstance(r, Run) else run_folder.find(str(r), output_dir) for r in references]
    names = [f"R{n}" for n in range(1, len(folders) + 1)]
    differ = differences(list(map(facts_of, folders)))
    configuration = pd.DataFrame(differ.values(), index=list(differ), columns=names, dtype=object)
    scores = [{k: s["value"] for k, s in folder.read_metrics().items()} for folder in folders]
    metrics = pd.DataFrame(dict(zip(names, scores)), columns=names).sort_index()
    rows, notes = [], []
    for name, folder in zip(names[1:], folders[1:]):
        terms, why = paired_terms(folders[0], folder, split)
        notes += [f"{name}: {why}"] if why else []
        rows += [(f"{name} - R1", *difference) for difference in terms]
    paired = pd.DataFrame(rows, columns=["runs", "term", "mean", "se", "higher", "n"]).set_index(["runs", "term"])
    return Comparison(list(map(str, folders)), configuration, metrics, paired, "; ".join(notes) or None)
