"""Hints for what was mistyped: the nearest name, or the one of like meaning."""

import difflib


def nearest(name: str, known, otherwise: str = "") -> str:
    """ "Did you mean 'x'?" for a near miss, else the list of what there is, or these words."""
    known = sorted(str(k) for k in known)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{close[0]}'?"
    return otherwise or (f"There are: {', '.join(known)}." if known else "There are none.")


# Words that stand for one another, whatever their letters: what one option calls so is called otherwise by the next.
ALIKE = (
    {"classes", "categories", "class", "category"},
    {"path", "folder", "file", "root", "directory"},
    {"image_size", "resize", "size", "resolution"},
    {"standardize", "normalize", "normalise"},
    {"test_fraction", "test_size", "test_split"},
    {"validation", "val", "val_split", "validation_split"},
    {"learning_rate", "lr"},
    {"latent_dim", "latents", "z_dim", "latent_size"},
    {"early_stopping", "patience"},
)


def like(name: str) -> set[str]:
    """The words that may stand for a word, itself among them."""
    return {name}.union(*(group for group in ALIKE if name in group))


def by_meaning(key: str, known) -> str | None:
    """A hint for a word that stands for others: the settings it may mean; where there are none, all there are (a near
    miss would be one of letters alone). None for other words.

    Args:
        key: the last part of what was typed.
        known: {last part of a setting: what to show}.
    """
    alike = like(key)
    if len(alike) == 1:
        return None
    meant = sorted(shown for name, shown in known.items() if name in alike)
    if meant:
        return f"Did you mean {' or '.join(map(repr, meant))}?"
    return f"There are: {', '.join(sorted(known.values()))}." if known else None
