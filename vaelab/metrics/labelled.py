"""Codes and the labels they are judged by."""

import difflib

import numpy as np

from vaelab.errors import ConfigError, NotApplicable


def labelled(
    view, split: str, *, metric: str, label: str, part: str | None, code: str = "mean"
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means (or draws, code="sample"; (N, D)) in float64 and integer labels (N,).

    Args:
        metric: who asks, for the message.
        label: "class", "tag_<v>" (the tag of view v, from 1) or the name of a factor.
        part: a part of the latent vector ("shared", "private_1"); None for all.
    """
    chosen = view.split(split)
    codes = np.asarray(chosen.mean if code == "mean" else chosen.z, np.float64)
    if part is not None:
        codes = codes[:, view.parts[_known("part", part, metric, view.parts)]]
    return codes, np.asarray(needed(view, split, metric=metric, label=label))


def needed(view, split: str, *, metric: str, label: str, **_) -> np.ndarray:
    """The labels (N,) of that name; ConfigError where the split has none."""
    columns = _columns(view, view.split(split))
    if not columns or (label == "class" and label not in columns):
        others = f" It has: {', '.join(columns)}; choose one with metrics.{metric}.label." if columns else ""
        raise NotApplicable(
            f"metric={metric} needs labelled images, and this run's {split} split has no labels.{others}"
        )
    return columns[_known("label", label, metric, columns)]


def each(view, chosen) -> list[str]:
    """Names of all labels of a split: class, tags, factors."""
    return list(_columns(view, chosen))


def _columns(view, chosen) -> dict[str, np.ndarray]:
    columns = {} if chosen.y is None else {"class": chosen.y}
    if chosen.tags is not None:
        columns |= {f"tag_{v + 1}": chosen.tags[:, v] for v in range(chosen.tags.shape[1])}
    if chosen.factors is not None:
        columns |= {name: chosen.factors[:, f] for f, name in enumerate(view.factor_names)}
    return columns


def suffix(label: str, part: str | None) -> str:
    """What tells the key of a part or of another label from the plain one."""
    return (f"_{part}" if part else "") + ("" if label == "class" else f"_{label}")


def _known(setting: str, value: str, metric: str, known) -> str:
    if value in known:
        return value
    close = difflib.get_close_matches(value, list(known), n=1)
    hint = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(known)}."
    raise ConfigError(f"metrics.{metric}.{setting}: there is no '{value}'. {hint}")
