"""A finished run for notebooks: `run = vaelab.load("latest")`."""

from functools import cached_property

import numpy as np

from vaelab.compute import seeds
from vaelab.jobs import opening
from vaelab.records import run_folder


class Run:
    """One run, opened.

    Attributes:
        folder: its `RunFolder`.
        config: the resolved configuration (a dict).
        metrics: content of metrics.json, {name: {value, se, n, ...}}.
    """

    def __init__(self, reference, *, trusted=(), data_dir=None, output_dir="outputs", accept_changed_data=False):
        self.folder = run_folder.find(str(reference), output_dir)
        self._accept_changed_data = accept_changed_data
        self.config = opening.stored_config(self.folder)
        self.config["trusted"] = list(trusted)
        if data_dir is not None:
            self.config["data_dir"] = str(data_dir)

    def __repr__(self):
        return f"<vaelab run {self.folder}: {self.folder.status().get('state')}>"

    @property
    def metrics(self) -> dict:
        """{name: {value, se, n, split, data, ...}}."""
        return self.folder.read_metrics()

    @property
    def history(self) -> list[dict]:
        """One dict per epoch."""
        return self.folder.read_history()

    @cached_property
    def view(self):
        """The `LatentView`: every code, per-image term and model function."""
        opening.start_backend(self.config)
        return opening.open_view(self.folder, self.config, accept_changed_data=self._accept_changed_data)[2]

    def encode(self, x) -> tuple[np.ndarray, np.ndarray]:
        """(mean, std) of q(z|x), each (N, D); x (N, H, W, C), uint8 or floats in [0, 1]."""
        return self.view.encode(x)

    def decode(self, z):
        """Image means (N, H, W, C) of codes (N, D); a tuple of them where there are several views."""
        images = self.view.decode(np.atleast_2d(z))
        return images[0] if len(images) == 1 else images

    def sample(self, n: int, seed: int = 0):
        """Image means of n draws from the prior."""
        return self.decode(self.view.sample_prior(n, seeds.generator(seed, "plots")))
