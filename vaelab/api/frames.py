"""Records as pandas DataFrames."""

import pandas as pd

COLUMNS = ("value", "se", "n", "split", "data", "note")


class Metrics(pd.DataFrame):
    """One row per metric: value, se (standard error over images), n, split, data, note, ...

    `metrics["test/elbo"]` is that row as a dict; everything else is a DataFrame's.
    """

    @property
    def _constructor(self):
        return pd.DataFrame

    def __getitem__(self, key):
        if isinstance(key, str) and key not in self.columns and key in self.index:
            return {k: None if pd.isna(v) else getattr(v, "item", lambda v=v: v)() for k, v in self.loc[key].items()}
        return super().__getitem__(key)

    def __contains__(self, key):  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().__contains__(key) or key in self.index


def metrics(scores: dict) -> Metrics:
    """A frame of {split/name: {value, se, ...}}, sorted by name."""
    names = sorted(scores)
    more = [k for name in names for k in scores[name] if k not in COLUMNS]
    columns = list(dict.fromkeys([*COLUMNS, *more]))
    rows = [[scores[name].get(column) for column in columns] for name in names]
    frame = Metrics(rows, index=pd.Index(names, name="metric", dtype=object), columns=columns)
    numbers = [c for c in ("value", "se", "n", "samples", "weights_epoch") if c in columns]
    return Metrics(frame.astype(dict.fromkeys(numbers, float)).astype({"n": "Int64"}))


def history(rows: list[dict]) -> pd.DataFrame:
    """One row per epoch, by its number."""
    return pd.DataFrame(rows).set_index("epoch") if rows else pd.DataFrame(index=pd.Index([], name="epoch"))
