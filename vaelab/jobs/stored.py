"""What is known of a run without its weights: enough to refuse a metric or picture that cannot work."""

from functools import cached_property
from types import SimpleNamespace
from typing import Any
from zipfile import BadZipFile

import numpy as np

from vaelab.compute import normal
from vaelab.config.folders import says_what_was_meant
from vaelab.contracts import Prior, Structure, has_density, optional


class NotStored(Exception):
    """A fact that does not lie in the folder."""


class StoredView:
    """The part of a `LatentView` that lies in a run's folder; what does not raises `NotStored`.

    Args:
        folder: the `RunFolder`.
    """

    def __init__(self, folder):
        self._folder = folder

    def __getattr__(self, name):
        raise NotStored(name)

    @cached_property
    def latent_dim(self) -> int:
        """D."""
        return self.split("test").mean.shape[1]

    @cached_property
    def has_density(self) -> bool:
        """Whether log q(z|x) is known, so that the rate is no critic's."""
        return "rate" in self.split("test")

    @cached_property
    def closed_form(self) -> bool:
        """Whether q(z|x) is a diagonal Gaussian; of parts of one's own it is not stored."""
        if self.has_density and not _is_gaussian(self._folder):
            raise NotStored("closed_form")
        return self.has_density

    @property
    def parts(self) -> dict:
        """Named slices of the latent vector; unknown where there are several."""
        raise NotStored("parts")

    def frames(self) -> list:
        """(epoch, {}) of each frame kept during training."""
        return [
            (int(p.stem.rpartition("-")[2]), {}) for p in sorted((self._folder.path / "frames").glob("epoch-*.npz"))
        ]

    def split(self, name: str) -> "StoredSplit":
        """The train or test split."""
        return StoredSplit(self._folder, name)


class PlannedView:
    """The part of a `LatentView` that is known before training.

    Args:
        structure: the model's.
        dataset: the `Dataset`.
    """

    def __init__(self, structure, dataset):
        self.latent_dim, self.closed_form = structure.latent_dim, structure.closed_form
        self.has_density = has_density(structure, Structure)
        self.parts, self._dataset = dict(structure.latent_parts), dataset
        self.prior = SimpleNamespace(option=optional(structure.prior, Prior, "option"))
        self._rate_is_known = self.closed_form and optional(structure.prior, Prior, "rate") is not None
        for name in ("class_names", "tag_names", "factor_names", "factor_sizes"):
            setattr(self, name, tuple(getattr(dataset, name)))

    def __getattr__(self, name):
        raise NotStored(name)

    def split(self, name: str) -> "PlannedSplit":
        """The labels of a split."""
        return PlannedSplit(name, self._dataset.split(name), self._rate_is_known)


class PlannedSplit:
    """Labels of one split."""

    def __init__(self, name: str, split, rate_is_known: bool):
        self.name, self._n = name, len(split)
        self.y, self.factors, self.tags = split.y, split.factors, split.tags
        if not rate_is_known:
            self.rate_per_latent = None

    def __len__(self) -> int:
        return self._n

    def __getattr__(self, key: str):
        raise NotStored(key)


class StoredSplit:
    """Codes, labels and terms of one split in codes.npz; None where the run has no such values."""

    def __init__(self, folder, name: str):
        self.name = name
        self._folder = folder
        try:
            self._stored = np.load(folder.codes_file)
        except (OSError, ValueError, EOFError, BadZipFile):
            raise NotStored(str(folder.codes_file)) from None
        if f"{name}_mean" not in self._stored.files:
            raise NotStored(name)

    def __contains__(self, key: str) -> bool:
        return f"{self.name}_{key}" in self._stored.files

    def __len__(self) -> int:
        return len(self._stored[f"{self.name}_distortion"])

    def __getattr__(self, key: str) -> Any:
        if key not in ("mean", "std", "z", "y", "tags", "factors", "distortion"):
            raise NotStored(key)
        try:
            return self._stored[f"{self.name}_{key}"] if key in self else None
        except (OSError, ValueError, EOFError, BadZipFile):
            raise NotStored(key) from None

    @property
    def rate_per_latent(self) -> np.ndarray | None:
        """KL(q(z_d|x) || N(0, 1)) in nats, (N, D); None without closed form, not stored where p(z) is another."""
        if "rate" not in self:
            return None
        if not _is_gaussian(self._folder) or not says_what_was_meant("prior", self._folder.read_config()):
            raise NotStored("rate_per_latent")
        return normal.rate(self.mean, self.std)


def _is_gaussian(folder) -> bool:
    """Whether a run has vaelab's own Gaussian posterior."""
    return folder.read_config()["posterior"]["_target_"] == "vaelab.posteriors.gaussian.Gaussian"
