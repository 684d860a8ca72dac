"""One job of a sweep in a process of its own: `python -m vaelab.jobs.job FOLDER [--config-dir=DIR ...]`.

The launcher starts it.
"""

import logging
import sys

import numpy as np

from vaelab.config import locate
from vaelab.records.run_folder import RunFolder
from vaelab.system import printing
from vaelab.system.exits import exit_code_of

log = logging.getLogger(__name__)

SAMPLES, RECONSTRUCTIONS = 16, 8


def main(path: str, words: list[str]) -> int:
    """One job's process; its words are those of `locate.typed_dirs`."""
    with locate.config_dirs([word.removeprefix("--config-dir=") for word in words]):
        return run(path)


def run(path: str) -> int:
    """Trains what the folder's config.yaml says, from its checkpoint where there is one; returns the exit code."""
    from vaelab.jobs.train import train

    folder = RunFolder(path)
    cfg = folder.read_config()
    files_only = {**cfg["tracking"], "enabled": False}  # the sweep tells MLflow of them
    with printing.quietly(cfg.get("quiet", False)):
        train(
            cfg, folder, chosen=folder.status().get("chosen", {}), sweep_dir=folder.sweep_dir, tracking=files_only,
            finished=lambda view: tiles(folder, view),
        )  # fmt: skip
    return 0


def tiles(folder: RunFolder, view) -> None:
    """The few images the sweep's report shows of this job; trouble with them costs a warning."""
    from vaelab.compute import seeds
    from vaelab.datasets.base import to_unit

    try:
        test = view.split("test")
        rows = one_of_each(test.y, len(test), RECONSTRUCTIONS)
        drawn = view.sample_prior(SAMPLES, seeds.generator(0, "plots"))
        given = zip(view.sample_given(SAMPLES, seeds.generator(0, "plots", 1)), test.given(rows))
        decoded = view.decode(np.concatenate([drawn, test.mean[rows]]), *map(np.concatenate, given))
        arrays = {"class_names": np.array(view.class_names or [], str)}
        for v, images in enumerate(decoded):
            arrays[f"samples_{v}"] = _bytes(images[:SAMPLES])
            arrays[f"originals_{v}"] = _bytes(to_unit(np.asarray(view.dataset.test.x[v][rows])))
            arrays[f"reconstructions_{v}"] = _bytes(images[SAMPLES:])
        folder.save_tiles(arrays)
    except Exception as error:
        log.warning(f"no pictures of this job for the report: {type(error).__name__}: {error}")


def one_of_each(y, n: int, wanted: int):
    """Rows of `wanted` test images: the first of each class, then the first of those left."""
    first = np.unique(y, return_index=True)[1] if y is not None else np.arange(0)
    rows = list(dict.fromkeys([*first.tolist(), *range(min(n, 2 * wanted))]))[:wanted]
    return np.sort(np.array(rows, int))


def _bytes(images):
    return np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(exit_code_of(lambda: main(sys.argv[1], sys.argv[2:])))
