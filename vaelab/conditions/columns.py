"""What is known of an image besides its pixels, as numbers: fields, their columns, and a user's words for them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from vaelab.config.nearest import nearest
from vaelab.config.types import Condition as Typed
from vaelab.errors import ConfigError, DataError

SHOWN = 12  # names of choices in a message


class Field(NamedTuple):
    """One thing that is known of an image.

    Attributes:
        name: what it is called, "class".
        choices: the names of its values 0, 1, ..., one column each (one-hot); () for a number, one column.
        mean, std: of a number in the training images; its column is (value - mean) / std.
    """

    name: str
    choices: tuple[str, ...] = ()
    mean: float = 0.0
    std: float = 1.0


class Columns:
    """c of p(x|z, c) and q(z|x, c): fields side by side, K columns of float32.

    Args:
        option: the option of the group condition, for messages.
        fields: `Field`s, or the same as plain containers.
    """

    def __init__(self, option: str, fields):
        self.option = option
        self.fields = tuple(Field(f[0], tuple(f[1]), float(f[2]), float(f[3])) for f in fields)
        self._sizes = [len(f.choices) or 1 for f in self.fields]
        self.dim = sum(self._sizes)

    def plain(self) -> dict:
        """What a run's folder keeps, so that it is opened with the numbers it was trained with."""
        return {"option": self.option, "fields": [[f.name, list(f.choices), f.mean, f.std] for f in self.fields]}

    def rows(self, values, where: str) -> np.ndarray:
        """(N, K) float32 of values (N, number of fields): the number of a choice, or a number.

        Args:
            where: whose values these are, for messages.

        Raises:
            DataError: a value that is no choice, or no number.
        """
        values = np.asarray(values, np.float64)
        out = np.zeros((len(values), self.dim), np.float32)
        for field, size, start, found in zip(self.fields, self._sizes, np.cumsum([0, *self._sizes]), values.T):
            known = np.isin(found, np.arange(size)) if field.choices else np.isfinite(found)
            if not known.all():
                row = int(np.argmin(known))
                wanted = f"one of 0 to {size - 1}" if field.choices else "a finite number"
                raise DataError(
                    f"condition={self.option}: {field.name} of image {row} of {where} is {found[row]:g}, expected "
                    f"{wanted}; {np.sum(~known):,} images lack it. Leave them out of the data, or use condition=none."
                )
            if field.choices:
                out[np.arange(len(values)), start + found.astype(int)] = 1.0
            else:
                out[:, start] = (found - field.mean) / field.std
        return out

    def read(self, typed: Typed, setting: str) -> np.ndarray:
        """Rows (n, K) of what a user says: 7 or sneaker, [sneaker, bag] for two rows.

        Of several fields a row is {shape: 1, scale: 3}, or all values in order, [1, 3]; a list of such for several.

        Args:
            setting: where it was typed, for messages.

        Raises:
            ConfigError: no such field or choice, or one is missing.
        """
        typed = typed.tolist() if isinstance(typed, np.ndarray | np.generic) else typed
        nested = isinstance(typed, list | tuple)
        several = nested and (len(self.fields) == 1 or (typed and isinstance(typed[0], list | tuple | Mapping)))
        if nested and not len(typed):
            raise ConfigError(f"{setting}: expected {self.in_words()}, got [].")
        entries: Any = typed if several else [typed]
        return self.rows([self._values(entry, setting) for entry in entries], setting)

    def _values(self, entry, setting: str) -> list[float]:
        """The number of each field in what one row is said by."""
        names = [f.name for f in self.fields]
        if isinstance(entry, Mapping):
            if strange := [str(key) for key in entry if key not in names]:
                hint = nearest(strange[0], names)
                raise ConfigError(f"{setting}: '{strange[0]}' is not known of these images. {hint}")
            entry = [entry.get(name) for name in names]
        entry = list(entry) if isinstance(entry, list | tuple) else [entry]
        if len(entry) != len(names) or None in entry:
            raise ConfigError(f"{setting}: expected {self.in_words()}, got {entry}.")
        return [_number(field, value, setting) for field, value in zip(self.fields, entry)]

    def in_words(self) -> str:
        """What may be typed."""
        each = [f"{f.name} ({_listed(f.choices)})" if f.choices else f"{f.name} (a number)" for f in self.fields]
        if len(each) == 1:
            return each[0]
        mapping = ", ".join(f"{f.name}: {f.choices[0] if f.choices else 0}" for f in self.fields)
        return f"a value of {' and '.join(each)}, as in {{{mapping}}}"

    def told(self, rows: np.ndarray) -> list[str]:
        """Rows (n, K) in words: "sneaker", or "shape 1, scale 3"."""
        found = []
        for row in rows:
            pieces = []
            for field, size, start in zip(self.fields, self._sizes, np.cumsum([0, *self._sizes])):
                own = row[start : start + size]
                value = field.choices[int(own.argmax())] if field.choices else f"{own[0] * field.std + field.mean:.3g}"
                pieces.append(value if len(self.fields) == 1 else f"{field.name} {value}")
            found.append(", ".join(pieces))
        return found

    def each(self) -> np.ndarray | None:
        """Rows (K, K), one for each choice, where there is one field of choices; else None."""
        return np.eye(self.dim, dtype=np.float32) if len(self.fields) == 1 and self.fields[0].choices else None


def applied(part, option: str, dataset, known: dict | None = None):
    """The dataset with the condition of every image, `Split.given`; as it is where the part's fields are none.

    Args:
        part: a `contracts.Condition`.
        option: its name, for messages.
        known: `Columns.plain` of an earlier time, whose numbers hold; None: those of these training images.

    Raises:
        DataError: it is not known of some images.
    """
    fields = part.fields(dataset) if known is None else known["fields"]
    if not len(fields):
        return dataset
    columns, done = Columns(option, fields), {}

    def given(split, name):
        if split is None:
            return None
        if id(split) not in done:  # an enumerated set's splits are one
            values = part.values(dataset, split)
            if values is None:
                where = f"the {name} split of dataset={dataset.name}"
                raise DataError(f"condition={option}: {where} has nothing to tell it by. Use condition=none.")
            done[id(split)] = replace(split, given=(columns.rows(values, f"the {name} split"),))
        return done[id(split)]

    splits = {name: given(getattr(dataset, name), name) for name in ("train", "validation", "test")}
    return replace(dataset, condition=columns, **splits)


def of_foreign(part, columns: Columns, dataset):
    """Another dataset with the condition of its images in a run's columns; choices are the same where their names are.

    Args:
        part: the run's `contracts.Condition`.

    Raises:
        ConfigError: these images have no such condition, or choices that the run does not know.
    """
    told = f"on={dataset.name}: this run is told of each image its {columns.in_words()}"
    unknown = ConfigError(f"{told}, which is not known of these. Name data with it, or use a run with condition=none.")
    try:
        theirs = [Field(*field) for field in part.fields(dataset)]
    except ConfigError:
        raise unknown from None
    places, numbers = {field.name: place for place, field in enumerate(theirs)}, []
    for own in columns.fields:
        field = theirs[places[own.name]] if own.name in places else None
        if field is None or bool(field.choices) != bool(own.choices):
            raise unknown
        if strange := [name for name in field.choices if name not in own.choices]:
            raise ConfigError(f"{told}; of these it would be {_listed(strange)}.")
        numbers.append(np.array([own.choices.index(name) for name in field.choices]))

    def given(split):
        if split is None or (values := part.values(dataset, split)) is None:
            return split
        found = np.asarray(values, np.float64)[:, [places[own.name] for own in columns.fields]]
        for column, table in zip(found.T, numbers):
            if len(table) and np.isin(column, np.arange(len(table))).all():  # else `rows` says that it is no choice
                column[:] = table[column.astype(int)]
        return replace(split, given=(columns.rows(found, f"on={dataset.name}"),))

    splits = {name: given(getattr(dataset, name)) for name in ("train", "validation", "test")}
    if not splits["test"].given:  # pyright: ignore[reportOptionalMemberAccess]  every dataset has one
        raise unknown
    return replace(dataset, condition=columns, **splits)


def moments(values) -> list[tuple[float, float]]:
    """(mean, standard deviation) of each column (N, F); 1 for the deviation of a column that never changes."""
    values = np.asarray(values, np.float64)
    return [(float(m), float(s) or 1.0) for m, s in zip(values.mean(axis=0), values.std(axis=0))]


def chosen(names, wanted, setting: str) -> list[int]:
    """Places of the wanted names among all; of all where none are wanted.

    Raises:
        ConfigError: an unknown name, the same one twice, or an empty list.
    """
    if wanted is None:
        return list(range(len(names)))
    if not wanted or len(set(wanted)) < len(wanted):
        raise ConfigError(f"{setting}: expected different names, got {list(wanted)}.")
    for name in wanted:
        if name not in names:
            raise ConfigError(f"{setting}: there is no '{name}' here. {nearest(name, names)}")
    return [list(names).index(name) for name in wanted]


def _number(field: Field, value, setting: str) -> float:
    """The number of a choice by its name (letter case does not matter), else by the number itself; or a number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not field.choices:
        if not number or not np.isfinite(value):
            raise ConfigError(f"{setting}: expected a finite number for {field.name}, got {value!r}.")
        return float(value)
    folded = {name.casefold(): k for k, name in reversed(list(enumerate(field.choices)))}
    if (text := str(value).casefold()) in folded:
        return folded[text]
    if number and value in range(len(field.choices)):
        return float(value)
    raise ConfigError(f"{setting}: there is no {field.name} '{value}'. {nearest(str(value), field.choices)}")


def _listed(names) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
