"""What follows an epoch of training besides training: chosen metrics, pictures, and frames for animations.

All of it reads the weights and draws from streams of its own, so that the weights are the same with and without it.
"""

import logging
import zlib

import numpy as np

from vaelab.build import float32_twin
from vaelab.config import trust
from vaelab.contracts import Plot, optional
from vaelab.jobs import opening, results
from vaelab.view.latent_view import LatentView

log = logging.getLogger(__name__)

SAMPLES = 36  # codes from the prior that a frame shows decoded
IMAGES = 18  # test images that it shows reconstructed
CODES = 1000  # test images whose codes it keeps


class DuringTraining:
    """Called after every epoch; measures, draws and keeps frames when they are due.

    A picture says what it is about by `before_training` and `reads_frames` (`contracts.Plot`).

    Args:
        cfg: the run's configuration.
        trainer: its trainer settings.
        folder: its RunFolder.
        vae: the model in training.
        dataset: its data.
        last_epoch: the last one wanted.
    """

    def __init__(self, cfg, trainer, folder, vae, dataset, *, last_epoch):
        self.cfg, self.trainer, self.folder, self.vae, self.dataset = cfg, trainer, folder, vae, dataset
        self.last_epoch, self._told = last_epoch, set()
        plots = cfg.get("plots") or {}
        chosen, self.saved = results.chosen(plots), results.beside(plots)
        framed, self.first_plots = self._with(chosen, "reads_frames"), self._with(chosen, "before_training")
        self.frame_every = min((v["every"] for v in framed.values()), default=None)
        self.metrics = cfg.get("metrics") or {}
        self.plots = {k: v for k, v in chosen.items() if k not in framed and k not in self.first_plots}
        self._twin = self._first = None

    def _with(self, chosen: dict, attribute: str) -> dict:
        parts = {name: trust.load(node["_target_"], "plot", self.cfg["trusted"]) for name, node in chosen.items()}
        return {name: node for name, node in chosen.items() if optional(parts[name], Plot, attribute)}

    def before(self) -> None:
        """What can be shown before the first step, and the frame of the first weights (the model must hold them)."""
        if self.first_plots:
            results.draw(
                self._view(()), self.saved | self.first_plots, self.folder, trusted=self.cfg["trusted"], strict=False,
                tell=self._tell,
            )  # fmt: skip
        if self.frame_every is not None and not self.folder.frame_file(0).is_file():
            self._keep_frame(self._view(()), 0)

    def __call__(self, row: dict, history: list[dict]) -> dict:
        """{split/name: value} of the metrics that are due; trouble with any of it never costs the run."""
        epoch = row["epoch"]
        measured, drawn = (self._due(epoch, self.cfg.get(key)) for key in ("metric_every", "plot_every"))
        framed = self._due(epoch, self.frame_every) or (self.frame_every is not None and epoch == self.last_epoch)
        if not (measured or drawn or framed):
            return {}
        view, found = self._view([*history, row]), {}
        if framed:
            self._keep_frame(view, epoch)
        if measured:
            scores = results.score(
                view, self.metrics, weights_epoch=epoch, trusted=self.cfg["trusted"], strict=False, tell=self._tell
            )
            found = {key: score["value"] for key, score in scores.items() if score["value"] is not None}
            if self.trainer.progress:
                log.info(f"epoch {epoch:>3}: {', '.join(f'{key} {value:.5g}' for key, value in found.items())}")
        if drawn:
            results.draw(
                view, self.saved | self.plots, self.folder, trusted=self.cfg["trusted"], strict=False, tell=self._tell,
                called=lambda name: self.folder.epoch_figure(name, epoch),
            )  # fmt: skip
        return found

    @staticmethod
    def _due(epoch: int, every: int | None) -> bool:
        return every is not None and epoch % every == 0

    def _view(self, history) -> LatentView:
        """A view of the weights as they are now; what earlier ones computed is stale."""
        self._twin = float32_twin(self.vae, self.cfg, self.dataset.facts, twin=self._twin)
        if self._first is None:
            self._first = opening.view_of(
                self._twin, self.dataset, self.folder, self.cfg, self.trainer, history=(), weights_epoch=None
            )
        return self._first.again(history)

    def _keep_frame(self, view, epoch: int) -> None:
        try:
            self.folder.save_frame(epoch, frame(view))
        except OSError as error:
            self._tell(logging.WARNING, f"no frame of epoch {epoch} for the training animation: {error}")

    def _tell(self, level: int, text: str) -> None:
        """Once, not after every epoch."""
        if text not in self._told:
            self._told.add(text)
            log.log(level, text)


def frame(view) -> dict:
    """Arrays of one frame: of the same codes and test images every time.

    `samples_<v>` and `reconstructions_<v>`, uint8 (N, H, W, C) per view v; `rows`, the images reconstructed; `codes`
    (M, D), posterior means, and `code_rows`, their images.
    """
    test = view.split("test")
    rng = view.rng("plots", zlib.crc32(b"frames"))
    prior = view.sample_prior(SAMPLES, rng).astype(np.float32)
    given = view.sample_given(SAMPLES, view.rng("plots", zlib.crc32(b"frames"), 1))
    code_rows = rng.permutation(len(test))[:CODES]
    codes = view.encode((*(v[code_rows] for v in test.x), *test.given(code_rows)))[0]
    images = min(IMAGES, len(code_rows))
    both = [np.concatenate(pair) for pair in zip(given, test.given(code_rows[:images]))]
    decoded = view.decode(np.concatenate([prior, codes[:images]]), *both)
    arrays = {"codes": codes, "code_rows": code_rows, "rows": code_rows[:images]}
    for v, shown in enumerate(decoded):
        pixels = np.round(255 * np.clip(shown, 0, 1)).astype(np.uint8)
        arrays |= {f"samples_{v}": pixels[:SAMPLES], f"reconstructions_{v}": pixels[SAMPLES:]}
    return arrays
