"""A run, opened: what `vaelab.train` and `vaelab.load` return."""

from functools import cached_property
from typing import Any

import numpy as np

from vaelab.api.arguments import overrides_of
from vaelab.compute import seeds
from vaelab.config import compose, locate, schema, words
from vaelab.config.plain import plain
from vaelab.errors import ConfigError
from vaelab.jobs import opening
from vaelab.records import run_folder
from vaelab.records.tracking import update_results


class Run:
    """One run: its numbers from its folder, its model opened when first asked for.

    Its arguments are those of `vaelab.load`.

    Attributes:
        folder: its `RunFolder`; str(run.folder) is its path.
        config: the resolved configuration (a dict).
    """

    def __init__(
        self, reference, *, trusted=(), data_dir=None, output_dir="outputs", accept_changed_data=False, config_dir=()
    ):
        self.folder = run_folder.find(str(reference), output_dir)
        self._accept, self._dirs = accept_changed_data, config_dir
        self._trusted, self._data_dir = [trusted] if isinstance(trusted, str) else list(trusted), data_dir
        self.config = self._read_config()

    def _read_config(self) -> dict:
        with locate.config_dirs(self._dirs):
            config = opening.stored_config(self.folder)
        config["trusted"] = self._trusted
        if self._data_dir is not None:
            config["data_dir"] = str(self._data_dir)
        return config

    def __repr__(self):
        elbo = "" if self.elbo is None else f", test/elbo {self.elbo:,.2f}"
        return f"<vaelab run {self.folder}: {self.state}{elbo}>"

    def _repr_html_(self):
        from vaelab.api.card import run_card

        return run_card(self)

    # -- what is written down -------------------------------------------------------------------------------------

    @property
    def state(self) -> str | None:
        """running | done | failed | interrupted | killed."""
        return self.folder.status().get("state")

    @property
    def elbo(self) -> float | None:
        """test/elbo in nats per image, higher is better; None where it was not measured or is a critic's estimate."""
        return (self.folder.read_metrics().get("test/elbo") or {}).get("value")

    @property
    def metrics(self):
        """DataFrame, one row per metric: value, se (standard error over images), n, split, data, note, ..."""
        from vaelab.api import frames

        return frames.metrics(self.folder.read_metrics())

    @property
    def history(self):
        """DataFrame, one row per epoch: train/..., val/..., time/... ."""
        from vaelab.api import frames

        return frames.history(self.folder.read_history())

    # -- the model ------------------------------------------------------------------------------------------------

    @cached_property
    def view(self):
        """The `LatentView`: every code, per-image term and model function, as numpy.

        `run.view.split("test")` has x, y, mean, std, z, distortion, rate of every test image.
        """
        with locate.config_dirs(self._dirs):
            return opening.open_view(self.folder, self.config, accept_changed_data=self._accept)

    def encode(self, x, condition=None) -> tuple[np.ndarray, np.ndarray]:
        """(mean, std) of q(z|x), each (N, D).

        Args:
            condition: of a run that has one: "sneaker" for all, or a list with one for each image.
            x: images (N, H, W, C), or one (H, W, C), uint8 or floats in [0, 1]; a tuple of them where there are several
                views.

        Raises:
            ConfigError: images of another shape, or floats that are no shares of the brightest value.
        """
        images = self._images(x, "encode")
        return self.view.encode((*images, *self._given("encode", condition, len(images[0]))))

    def decode(self, z, condition=None):
        """Image means (N, H, W, C) of codes (N, D), or of one (D,); a tuple of them where there are several views.

        Args:
            condition: of a run that has one: "sneaker" for all, or a list with one for each code.

        Raises:
            ConfigError: codes of another length, or no such condition.
        """
        codes, wanted = np.atleast_2d(np.asarray(z, np.float32)), self.view.latent_dim
        if codes.ndim != 2 or codes.shape[1] != wanted:
            raise ConfigError(f"decode: expected codes (N, {wanted}), got {np.shape(z)}.")
        return _one_or_all(self.view.decode(codes, *self._given("decode", condition, len(codes))))

    def reconstruct(self, x, condition=None):
        """Image means (N, H, W, C) of E[z|x] of each image; a tuple of them where there are several views.

        Args:
            condition: as of `encode`; another one to decode with is given to `decode`.
        """
        return self.decode(self.encode(x, condition)[0], condition)

    def sample(self, n: int, seed: int = 0, condition=None):
        """Image means (n, H, W, C) of n draws from the prior.

        Args:
            condition: of a run that has one: "sneaker" for all, or a list of n; None for those of training images drawn
                at random.
        """
        rng = seeds.generator(seed, "plots")
        z = self.view.sample_prior(n, rng)
        if condition is None and self.view.condition is not None:
            return _one_or_all(self.view.decode(z, *self.view.sample_given(n, rng)))
        return self.decode(z, condition)

    def _given(self, method: str, condition, n: int) -> tuple:
        """The condition of n images or codes, ((n, K),); () in a run that has none.

        Raises:
            ConfigError: the run has none, or needs one; no such condition; or another number of them.
        """
        known = self.view.condition
        if known is None:
            if condition is not None:
                raise ConfigError(f"{method}: this run has no condition (condition=none); leave it out.")
            return ()
        if condition is None:
            raise ConfigError(f"{method}: this run has a condition: give condition=, {known.in_words()}.")
        rows = known.read(condition, method)
        if len(rows) not in (1, n):
            raise ConfigError(f"{method}: expected one condition, or one for each of {n}, got {len(rows)}.")
        return (np.repeat(rows, n // len(rows), axis=0),)

    def _images(self, x, asks: str) -> tuple:
        """The views of x as the model's view takes them; `asks` names who asks, for the message."""
        view = self.view
        given = tuple(map(np.asarray, x if isinstance(x, tuple) else (x,)))
        if len(given) != view.n_views:
            raise ConfigError(f"{asks}: expected a tuple of {view.n_views} views, got {len(given)}.")
        found = []
        for images, shape in zip(given, view.data_shapes):
            images = images[None] if images.shape == tuple(shape) else images
            if images.shape[1:] != tuple(shape):
                wanted = ", ".join(map(str, shape))
                raise ConfigError(f"{asks}: expected images (N, {wanted}), got {np.shape(images)}.")
            shares = view.data_kind not in ("real", "standardised") and images.dtype != np.uint8
            if shares and images.size and not 0 <= images.min() <= images.max() <= 1:
                low, high = images.min(), images.max()
                raise ConfigError(f"{asks}: expected uint8 or floats in [0, 1], got {low:g} to {high:g}.")
            found.append(images)
        return tuple(found)

    # -- what the commands do -------------------------------------------------------------------------------------

    def evaluate(self, *metrics: str, **settings):
        """Computes metrics, saves them in the run as `vaelab evaluate` does, and returns them.

        Args:
            *metrics: names ("nll", "knn_accuracy"); none for the command's own. Words ("metrics.nll.samples=500") too;
                "on=mnist" measures on another dataset.
            **settings: of the one metric: samples=500.

        Returns:
            DataFrame of the new numbers, as `metrics`.

        Raises:
            ConfigError: no such metric or setting, or it does not apply to this run.
        """
        from vaelab.api import frames
        from vaelab.jobs import foreign, results

        with locate.config_dirs(self._dirs):
            cfg = self._composed("evaluate", "metric", metrics, settings)
            nodes, on = plain(cfg.get("metrics")), plain(cfg.on)
            view = foreign.view(on, self.view, self.config)
            kept: Any = view.weights_epoch
            by_image = {}
            scores = results.score(
                view, nodes, weights_epoch=kept, trusted=self._trusted, strict=True, by_image=by_image,
                on=on and view.dataset.name,
            )  # fmt: skip
        self.folder.add_metrics(scores, by_image)
        update_results(self.folder, cfg.tracking.uri, cfg.output_dir)
        return frames.metrics(scores)

    def score(self, images, *scores: str, condition=None, **settings):
        """How strange images are to this run, each by itself, prepared as its own.

        Args:
            images: as those of `encode`.
            *scores: options of the group score; none for the command's own. Words ("scores.nll.samples=500") too.
            condition: as of `encode`.
            **settings: of the one score: samples=500.

        Returns:
            DataFrame with a row per image: each score, and its percentile among the run's own test images.

        Raises:
            ConfigError: images of another shape, no such score or setting, or it does not apply to this run.
        """
        import pandas as pd

        from vaelab.jobs import foreign
        from vaelab.jobs.scoring import Scoring

        with locate.config_dirs(self._dirs):
            nodes = plain(self._composed("score", "score", scores, settings).scores)
            views = self._images(images, "score")
            given = self._given("score", condition, len(views[0]))
            seen = foreign.of_images(views, self.view.dataset, self.config, given)
            return pd.DataFrame(Scoring([self.view], nodes, self._trusted).of([seen.inputs]))

    def plot(self, name: str, *typed: str, save: bool = False, **settings):
        """Draws a picture of the run.

        Args:
            name: an option of the group plot ("traversal", "tsne", "reconstructions").
            *typed: as on the command line: "on=mnist".
            save: also write it into the run's figures/, as `vaelab plot` does.
            **settings: of the picture: rows=5.

        Returns:
            A matplotlib Figure (animations: an `Animation`), which a notebook shows.

        Raises:
            ConfigError: no such picture or setting, or it does not apply to this run.
        """
        from vaelab.api.pictures import shown
        from vaelab.jobs import foreign, results

        with locate.config_dirs(self._dirs):
            cfg = self._composed("plot", "plot", (name, *typed), settings)
            plots = plain(cfg.plots)
            ((option, node),) = results.chosen(plots).items()
            view = foreign.view(plain(cfg.on), self.view, self.config)
            picture = results.picture_of(view, node, results.beside(plots), trusted=self._trusted)
            option = option if view is self.view else f"{option}_on_{view.dataset.name}"
        if save:
            results.save_picture(picture, self.folder, option, results.beside(plots))
            update_results(self.folder, cfg.tracking.uri, cfg.output_dir)
        return shown(picture)

    def explore(self, *, height: int = 760, embed: bool = True):
        """The latent explorer of this run: in a notebook the page itself, elsewhere an object with its file.

        Args:
            height: of the page in the notebook, in pixels.
            embed: put the page into the notebook's output, about 6 MB, so that it works wherever the notebook is
                opened; False refers to the file.

        Returns:
            A `Page`: `page.file`, `page.open()` for the browser, and with `pip install "vaelab[notebook]"`
            `page.selection`, rows of the test split that are selected in it.
        """
        from vaelab.api.pictures import Page
        from vaelab.jobs.page import current_page, write_page

        settings = plain(compose.compose("explore", []).explorer)
        if current_page(self.folder, settings) is None:
            write_page(self.folder.explorer_file, self.folder, self.view, settings)
        return Page(self.folder.explorer_file, height=height, embed=embed)

    def resume(self, *, epochs: int | None = None, steps: int | None = None) -> "Run":
        """Goes on with a stopped run, or trains a finished one for longer: to the weights it would have had.

        Args:
            epochs, steps: how many in all; None leaves the run's own.

        Returns:
            This run, with its new weights and numbers.

        Raises:
            ConfigError: fewer than were trained, or threads that this process cannot have any more.
            Interrupted: stopped again; finished epochs are saved.
        """
        from vaelab.api.interruption import interruption_told
        from vaelab.commands import resume

        longer = {"epochs": epochs, "steps": steps}
        typed = [words.setting(f"trainer.{k}", v) for k, v in longer.items() if v is not None]
        if self._data_dir is not None:
            typed.append(words.setting("data_dir", self._data_dir))
        typed.append(words.setting("accept_changed_data", self._accept))
        with locate.config_dirs(self._dirs), interruption_told(self.folder):
            resume.run(compose.compose("resume", [*self._typed(), *typed]))
        self.__dict__.pop("view", None)
        self.config = self._read_config()
        return self

    def _typed(self) -> list[str]:
        """The words by which a command finds this run and its parts."""
        return [words.setting("run", self.folder.path), words.setting("trusted", self._trusted)]

    def _composed(self, command: str, group: str, names, settings: dict):
        """The checked configuration of a command about options of a group, their settings given by keyword."""
        options, typed = [n for n in names if "=" not in n], [n for n in names if "=" in n]
        if settings and len(options) != 1:
            raise ConfigError(
                f"{', '.join(settings)}: settings belong to one {group}; for several type "
                f"'{schema.MULTI[group]}.<name>.{next(iter(settings))}=...'."
            )
        own = {f"{schema.MULTI[group]}.{options[0]}": settings} if settings else {}
        chosen = {group: options} if options else {}
        overrides, _ = overrides_of(command, [*self._typed(), *typed], {**chosen, **own})
        return compose.compose(command, overrides)


def _one_or_all(images: tuple):
    return images[0] if len(images) == 1 else images


def load(
    run, *, trusted=(), data_dir=None, output_dir="outputs", accept_changed_data: bool = False, config_dir=()
) -> Run:
    """Opens a run that was trained before.

    Args:
        run: a run folder, an MLflow run id or run name, or "latest".
        trusted: packages of yours whose parts the run's config may name.
        data_dir: where the dataset's files are, if not where they were at training.
        output_dir: where runs are looked for by name.
        accept_changed_data: open the run although its data are not those it was trained on.
        config_dir: folder or folders of your options (`--config-dir`), from which `trusted` packages are imported too.

    Returns:
        A `Run`.

    Raises:
        RunError: there is no such run, or its folder is damaged.

    Examples:
        >>> run = vaelab.load("latest")
        >>> mean, std = run.encode(run.view.split("test").x)
        >>> images = run.sample(16)
    """
    return Run(
        run, trusted=trusted, data_dir=data_dir, output_dir=output_dir,
        accept_changed_data=accept_changed_data, config_dir=config_dir,
    )  # fmt: skip
