"""Which images, classes and latents a picture shows, and what they are called."""

import difflib
import re
import zlib

import numpy as np

from vaelab.errors import ConfigError, NotApplicable
from vaelab.plots.style import count


def rng(view, plot: str) -> np.random.Generator:
    """The random stream of one picture: the same images every time, whatever else is drawn."""
    return view.rng("plots", zlib.crc32(plot.encode()))


def random_rows(view, split, n: int, plot: str) -> np.ndarray:
    """n different rows of a split at random, in ascending order (all of them where there are fewer)."""
    return np.sort(rng(view, plot).choice(len(split), min(n, len(split)), replace=False))


def rows_of_classes(view, split, n: int, plot: str) -> np.ndarray:
    """n different rows of a split at random, of different classes first where there are labels."""
    generator = rng(view, plot)
    if split.y is None:
        return generator.choice(len(split), min(n, len(split)), replace=False)
    order = generator.permutation(len(split))
    labels = np.asarray(split.y)[order]
    firsts = order[np.sort(np.unique(labels, return_index=True)[1])]  # one per class, in random order
    rest = order[~np.isin(order, firsts)]
    return np.concatenate([firsts, rest])[:n]


def checked_index(split, index, setting: str) -> int:
    """The index, if the split has such an image.

    Raises:
        ConfigError: names the setting and the range.
    """
    if not isinstance(index, (int, np.integer)) or isinstance(index, bool):
        raise ConfigError(f"{setting}: expected the number of an image, got {index!r}.")
    if not 0 <= index < len(split):
        raise ConfigError(f"{setting}: the {split.name} split has images 0 to {len(split) - 1}, got {index}.")
    return int(index)


def need_labels(view, split, what: str) -> np.ndarray:
    """The labels of a split.

    Raises:
        ConfigError: the dataset has none.
    """
    if split.y is None or not len(view.class_names):
        raise NotApplicable(f"{what} needs class labels; this run's dataset has none.")
    return np.asarray(split.y)


def plain(name: str) -> str:
    """A class name as it may be typed: "T-shirt/top" -> "t_shirt_top"."""
    return re.sub(r"[^0-9a-z]+", "_", str(name).lower()).strip("_")


def class_number(view, name, setting: str) -> int:
    """The label whose class is called `name` (case and punctuation do not matter), or label number `name`.

    Raises:
        ConfigError: no such class; the nearest name, or all of them.
    """
    known = {plain(n): k for k, n in enumerate(view.class_names)}
    typed = plain(name)
    if typed in known:
        return known[typed]
    if typed.isdigit() and int(typed) < len(view.class_names):
        return int(typed)
    if not known:
        raise ConfigError(f"{setting}: '{name}' names a class, but this run's dataset has no classes.")
    close = difflib.get_close_matches(typed, known, n=1, cutoff=0.6)
    shown = ", ".join(list(known)[:12]) + (", …" if len(known) > 12 else "")
    hint = f"Did you mean '{close[0]}'?" if close else f"There are: {shown}."
    raise ConfigError(f"{setting}: there is no class '{name}'. {hint}")


def class_name(view, split, row: int) -> str:
    """The name of an image's class; "" without labels."""
    if split.y is None or not len(view.class_names):
        return ""
    return str(view.class_names[int(split.y[row])])


def image_label(view, split, row: int) -> str:
    """ "#12 Bag", or "#12" without labels."""
    return f"#{row} {class_name(view, split, row)}".strip()


def latent_name(view, d: int) -> str:
    """ "z3"; with several views "z3 shared"."""
    if len(view.parts) < 2:
        return f"z{d}"
    part = next((name for name, s in view.parts.items() if s.start <= d < s.stop), "")
    return f"z{d} {part.replace('_', ' ')}".strip()


def importance(view, split) -> tuple[np.ndarray, str]:
    """(D,) how much each latent carries, and what that is.

    The mean rate per latent in nats; the standard deviation of the posterior means over images where the posterior
    has no closed form.
    """
    per_latent = split.rate_per_latent
    if per_latent is not None:
        return np.asarray(per_latent, np.float64).mean(axis=0), "nats"
    return np.asarray(split.mean, np.float64).std(axis=0), "std of means"


def checked_latents(view, dims, setting: str, n: int | None = None) -> list[int]:
    """The latents, if the run has them and they differ (and are `n`).

    Raises:
        ConfigError: wrong number, repeated or out of range.
    """
    dims = list(dims)
    if n is not None and len(dims) != n:
        raise ConfigError(f"{setting}: expected {n} latents, got {len(dims)}.")
    for d in dims:
        if not 0 <= d < view.latent_dim:
            raise ConfigError(f"{setting}: this run has latents 0 to {view.latent_dim - 1}, got {d}.")
    if len(set(dims)) != len(dims):
        raise ConfigError(f"{setting}: the latents must differ, got {dims}.")
    return dims


def plane(view, split, dims, plot: str, n: int = 2) -> list[int]:
    """The n latents a picture of a plane (or a box) is about: the chosen ones, or all where there are just n.

    Raises:
        ConfigError: the run has more and none were chosen, or fewer; says which to choose and how.
    """
    words = {2: "two", 3: "three"}[n]
    if dims is not None:
        return checked_latents(view, dims, f"plots.{plot}.dims", n)
    if view.latent_dim < n:
        raise NotApplicable(f"{plot} needs {words} latents; this run has {view.latent_dim}.")
    if view.latent_dim > n:
        value, _ = importance(view, split)
        best = sorted(int(d) for d in np.argsort(-value)[:n])
        carried = "the highest rate" if split.rate_per_latent is not None else "the widest means"
        listed = f"{', '.join(map(str, best[:-1]))} and {best[-1]}"
        raise NotApplicable(
            f"{plot} shows {words} latents and this run has {view.latent_dim}: choose them with "
            f"plots.{plot}.dims=[{','.join(map(str, best))}] ({listed} have {carried}; the others stay fixed)."
        )
    return list(range(n))


def given(view, typed, setting: str, own=()) -> tuple:
    """The condition of some codes: what was typed for all of them, else their own, ((n, K),); () in a run without.

    Args:
        typed: of the setting `condition`, or None.
        setting: its name, for messages.
        own: ((n, K),) of the images the codes come from; () where they come from none, and then (1, K) is returned.

    Raises:
        ConfigError: it was typed of a run that has none, or is no condition of this run.
        NotApplicable: neither was typed nor is there one of their own.
    """
    if view.condition is None:
        if typed is not None:
            raise ConfigError(f"{setting} would be ignored: this run has no condition (condition=none).")
        return ()
    if typed is None:
        if not own:
            raise NotApplicable(f"this run decodes with a condition: give {setting}=..., {view.condition.in_words()}.")
        return own
    rows = view.condition.read(typed, setting)
    if len(rows) != 1:
        raise ConfigError(f"{setting}: expected one condition for all images, got {len(rows)}.")
    return (np.repeat(rows, len(own[0]) if own else 1, axis=0),)


def given_of(view, part, at, typed, setting: str) -> tuple:
    """`given` of one code, that of image `at` of a split or of None."""
    return given(view, typed, setting, () if at is None else part.given([at]))


def needs_given(view, typed, setting: str, own: bool) -> None:
    """What `given` raises, as far as it is known before training; own: whether the codes come from images."""
    columns = view.condition
    given(view, typed, setting, (np.zeros((1, columns.dim), np.float32),) if own and columns is not None else ())


def repeated(given, n: int) -> tuple:
    """One condition, ((1, K),) or (), for n codes."""
    return tuple(np.repeat(c, n, axis=0) for c in given)


def told(view, given) -> str:
    """ "condition: sneaker" of one condition; "" where there is none."""
    return f"condition: {view.condition.told(given[0][:1])[0]}" if given else ""


def views(images) -> tuple:
    """Images as a tuple of views."""
    return tuple(images) if isinstance(images, (tuple, list)) else (images,)


def view_name(view, v: int) -> str:
    """Heading of a view's block; "" where there is one view."""
    return f"view {v + 1}" if view.n_views > 1 else ""


def split_facts(view, split, shown: int | None = None, what: str = "images") -> str:
    """ "test split, 2,000 of 10,000 images"."""
    return f"{split.name} split, {count(len(split) if shown is None else shown, len(split), what)}"
