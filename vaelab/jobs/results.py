"""Metrics and pictures of a view, as `train`, `evaluate` and `plot` share them.

`kind` is "metric" or "plot". With `strict` an error is raised, as where a metric does not apply; without, `tell`, a
function (level, text), says so and the work goes on: in training, trouble with one of them never costs the run.
"""

import logging
import warnings
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from vaelab import contracts
from vaelab.config import locate, schema, trust, words
from vaelab.config.parts import beside, chosen, settings
from vaelab.contracts import optional
from vaelab.errors import ConfigError, NotApplicable
from vaelab.jobs.stored import NotStored
from vaelab.system import tables
from vaelab.system.files import atomic_file
from vaelab.system.printing import NOTE, counted, plus_minus

log = logging.getLogger(__name__)

SAVED: Any = {"svg.hashsalt": "vaelab", "pdf.fonttype": 42}  # names that are not random; fonts that journals take
UNDATED = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}  # {format: metadata}


def without_map(plots: dict, typed) -> dict:
    """The pictures of a run that asks for none, without the t-SNE map, which takes longer than all others together.

    A sweep's report maps the codes of its jobs, and two latents are their own map.

    Args:
        typed: the run's words; what they say of pictures is drawn, as is what a recipe chooses.
    """
    of_saving = {f"plots.{key}" for key in schema.BESIDE["plots"]}
    asked = {words.key(word).partition(".")[0] for word in typed if words.key(word) not in of_saving}
    if asked & {"plot", "plots"} or set(chosen(plots)) != set(locate.usual("plot")):
        return plots
    return {name: node for name, node in plots.items() if name != "tsne"}


def check(view, nodes: dict, kind: str, *, trusted) -> None:
    """ConfigError where a metric or picture cannot work on a run, as far as stored facts say.

    `needs` of a metric or picture (`contracts.Metric`) is called with what lies in the run's folder (`jobs.stored`),
    before Keras is imported.
    """
    for node in chosen(nodes).values():
        if needs := optional(trust.load(node["_target_"], kind, trusted), contracts.BY_GROUP[kind], "needs"):
            with suppress(NotStored):
                needs(view, **settings(node))


@contextmanager
def _told(kind: str, name: str, tell, strict: bool = False, failed: str = "failed"):
    """Tells what goes wrong with an option instead of raising it, unless `strict`.

    Not that an option does not apply which nobody asked for: conf/train.yaml chooses it for every run.
    """
    try:
        yield
    except Exception as error:
        if strict:
            raise
        if not isinstance(error, ConfigError):
            tell(logging.WARNING, f"{kind} {name} {failed}: {type(error).__name__}: {error}")
        elif not (isinstance(error, NotApplicable) and name in locate.usual(kind)):
            tell(NOTE, f"{kind} {name} left out: {error}")


def applicable(view, nodes: dict, kind: str, *, trusted, tell=log.log) -> dict:
    """The nodes without those that `check` refuses, which are told."""
    kept = dict(nodes)
    for name, node in chosen(nodes).items():
        with _told(kind, name, tell, failed="could not be checked"):
            try:
                check(view, {name: node}, kind, trusted=trusted)
            except ConfigError:
                del kept[name]
                raise
    return kept


def score(
    view, metrics: dict, *, weights_epoch: int | None, trusted, strict: bool, tell=log.log, by_image=None, on=None
) -> dict:
    """{split/name: {value, se, n, split, data, samples, weights_epoch, note}} of the configured metrics.

    Args:
        on: the dataset's name where it is not the run's own: keys are then <dataset>:split/name.
        by_image: a dict that takes {split/name: (rows, values)} of the scores that have values of each image.
    """
    found = {}
    for name, node in chosen(metrics).items():
        split, scores = node.get("split", "test"), {}
        with _told("metric", name, tell, strict):
            scores = trust.load(node["_target_"], "metric", trusted)(view, **settings(node))
        if scores and view.dataset.enumerated:
            scores = of_complete_set(scores, _distinct(view.split(split)))
        split = f"{on}:{split}" if on else split
        for key, value in scores.items():
            entry = value._asdict()
            each = entry.pop("each")
            if each is not None and by_image is not None:
                by_image[f"{split}/{key}"] = each
            if view.dataset.instead_of:
                now, then = view.dataset.checksum(), view.dataset.instead_of
                other = f"on data of checksum {now}, which are not those of the training ({then})"
                entry["note"] = "; ".join(filter(None, (entry["note"], other)))
            entry |= {"split": split, "data": view.data_kind, "weights_epoch": weights_epoch}
            found[f"{split}/{key}"] = entry
    return found


def of_complete_set(scores: dict, images: int) -> dict:
    """Scores of an enumerated set: its images were not sampled, so no standard error; copies of one are one image."""
    return {key: s._replace(se=None, n=None if s.n is None else min(s.n, images)) for key, s in scores.items()}


def _distinct(part) -> int:
    """How many images of a split differ."""
    rows = np.concatenate([np.asarray(v).reshape(len(part), -1) for v in part.x], axis=1)
    return len(np.unique(rows, axis=0))


def draw(
    view, plots: dict, folder, *, trusted, strict: bool, tell=log.log, called: Callable[[str], str] = str
) -> list:  # fmt: skip
    """Draws the configured pictures into the run folder; returns the files.

    Args:
        plots: their nodes, and how they are saved (`schema.BESIDE`).
        called: function (option) -> name of its file under figures/.
    """
    files = []
    for name, node in chosen(plots).items():
        with _told("plot", name, tell, strict):
            picture = picture_of(view, node, beside(plots), trusted=trusted)
            files += save_picture(picture, folder, called(name), beside(plots))
    return files


def picture_of(view, node: dict, saved: dict, *, trusted):
    """The Figure or Animation of a plot's node, laid out for how it is saved (`schema.BESIDE`)."""
    from vaelab.plots.style import laid_out

    with warnings.catch_warnings(), laid_out(dpi=saved["dpi"], width=saved["width"]):
        warnings.filterwarnings("ignore", message=".*Tight layout.*")
        return trust.load(node["_target_"], "plot", trusted)(view, **settings(node))


def save_picture(picture, folder, name: str, saved: dict) -> list:
    """A Figure in each format that is asked for, an Animation as GIF: the same bytes every time. Returns the files."""
    import matplotlib

    from vaelab.plots.animation import Animation

    formats = [saved["format"]] if isinstance(saved["format"], str) else dict.fromkeys(saved["format"])
    files = [folder.figure_file(name, f) for f in (["gif"] if isinstance(picture, Animation) else formats)]
    for path in files:
        with atomic_file(path) as temporary, matplotlib.rc_context(SAVED):
            if isinstance(picture, Animation):
                picture.save(temporary)
            else:
                form = path.suffix[1:]
                dpi = max(picture.get_dpi(), saved["dpi"] or 0)
                picture.savefig(temporary, format=form, dpi=dpi, metadata=UNDATED.get(form))
    return files


def rows(scores: dict) -> list[tuple[str, str, str, str]]:
    """(name, value, ± standard error or why there is none, what it was computed from) of each score."""
    found = []
    for name, s in sorted(scores.items()):
        value = "-" if s["value"] is None else f"{s['value']:.4g}" if abs(s["value"]) < 1 else f"{s['value']:,.3f}"
        error = plus_minus(s, 3)
        basis = f"{s['n']:,} {s['split']} images" if s.get("n") else s["split"]
        drawn = s.get("samples")
        samples = f", {counted(drawn, 'sample')} each" if drawn else ""
        found.append((name, value, error, f"{basis}{samples}, {s['data']}"))
    return found


def table(scores: dict) -> str:
    """The rows as aligned lines, and the notes."""
    found = rows(scores)
    wide = max((len(value) for _, value, _, _ in found), default=0)
    cells = [(name, f"{value:>{wide}} {error}", basis) for name, value, error, basis in found]
    lines, _ = tables.table(cells, folds=[2], indent=2)
    notes = sorted({f"  note: {name}: {s['note']}" for name, s in scores.items() if s.get("note")})
    return "\n".join([lines, *notes] if lines else notes)
