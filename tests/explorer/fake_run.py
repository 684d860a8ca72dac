"""A run that is known exactly: a small random Keras decoder, codes around class centres, pictures decoded from them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import yaml

from vaelab.config import locate


def settings(**changes) -> dict:
    """The settings of conf/explorer/file.yaml, made quick."""
    found = yaml.safe_load((locate.conf_dir() / "explorer" / "file.yaml").read_text(encoding="utf-8"))
    return {**found, "tsne_points": 120, "iterations": 250, "perplexity": 10.0, **changes}


@dataclass
class FakeSplit:
    """One split of a `FakeRun`."""

    run: object
    name: str
    mean: np.ndarray
    y: np.ndarray | None
    factors: np.ndarray | None = None
    tags: np.ndarray | None = None

    def __len__(self):
        return len(self.mean)

    def images(self, rows=slice(None)):
        return self.run.decode(self.mean[rows])

    @property
    def rate_per_latent(self):
        return 0.5 * self.mean**2 if self.run.closed_form else None


class FakeRun:
    """What the explorer reads of a `LatentView`.

    Args:
        latent_dim: D.
        shapes: (H, W, C) of each view.
        n: codes.
        class_names: one class centre each; empty for no labels.
        parts: named slices of the latents.
    """

    data_kind, factor_names, factor_sizes, tag_names = "grey", (), (), ()

    def __init__(
        self, latent_dim=6, shapes=((28, 28, 1),), n=300, class_names=("zero", "one", "two"), parts=None,
        name="digits, 6 latents", closed_form=True,
    ):  # fmt: skip
        self.name, self.latent_dim, self.shapes, self.n_views = name, latent_dim, shapes, len(shapes)
        self.class_names, self.closed_form = tuple(class_names), closed_form
        self.parts = parts or {"z": slice(0, latent_dim)}
        rng = np.random.default_rng(0)
        y = rng.integers(max(1, len(class_names)), size=n)
        centres = rng.normal(size=(max(1, len(class_names)), latent_dim)) * np.linspace(2, 0.3, latent_dim)
        self.codes = (centres[y] + 0.3 * rng.normal(size=(n, latent_dim))).astype(np.float32)
        self.y = y if class_names else None

    @cached_property
    def decoder(self):
        """A functional Keras model with weights large enough that pictures differ."""
        import keras
        from keras import layers

        keras.utils.set_random_seed(1)
        start = lambda scale: keras.initializers.RandomNormal(stddev=scale, seed=3)  # noqa: E731
        z = keras.Input((self.latent_dim,), name="z")
        outputs = []
        for v, (h, w, c) in enumerate(self.shapes):
            x = layers.Dense(-(-h // 2) * -(-w // 2) * 4, activation="relu", kernel_initializer=start(0.6))(z)
            x = layers.Reshape((-(-h // 2), -(-w // 2), 4))(x)
            x = layers.Conv2DTranspose(4, 3, 2, padding="same", activation="relu", kernel_initializer=start(0.3))(x)
            x = layers.Cropping2D(((0, x.shape[1] - h), (0, x.shape[2] - w)))(x)
            x = layers.Conv2D(c, 3, padding="same", kernel_initializer=start(0.4 + 0.1 * v))(x)
            outputs.append(layers.Activation("sigmoid", name=f"view_{v + 1}")(x))
        return keras.Model(z, outputs if len(outputs) > 1 else outputs[0], name="decoder")

    @cached_property
    def split_(self):
        return FakeSplit(self, "test", self.codes, self.y)

    def split(self, name):
        assert name == "test"
        return self.split_

    def rng(self, key, *more):
        return np.random.default_rng([len(key), *more])

    def decode(self, z):
        """Tuple of views (N, H, W, C)."""
        views = self.decoder(np.asarray(z, np.float32), training=False)
        return tuple(np.asarray(v) for v in (views if isinstance(views, (list, tuple)) else [views]))

    def flat(self, z):
        """Views flattened and joined, (N, sum of H W C)."""
        return np.concatenate([v.reshape(len(z), -1) for v in self.decode(z)], axis=1)


def write(run, path, **changes):
    """The explorer file of a `FakeRun`."""
    from vaelab.explorer import build

    return build.write(path, run, run.decoder, run_line="run=outputs/x", settings=settings(**changes))


def opened(page, url, *, offline=True, ready="ok"):
    """Opens the page and waits until its decoder agrees with Keras, or fails as expected."""
    page.context.set_offline(offline)
    page.goto(url)
    page.locator("body[data-ready]").wait_for(timeout=60_000)
    assert page.get_attribute("body", "data-ready") == ready, page.inner_text("#status")
    page.locator("body[data-pictures]").wait_for(timeout=10_000)
    return page


def code(page) -> np.ndarray:
    """The code of this moment, (D,)."""
    return np.array(page.evaluate("Array.from(vaelab.current.z)"), np.float32)


def shown_pixels(page, selector) -> np.ndarray:
    """(H, W, 3) uint8 of a canvas."""
    script = (
        "c => ({w: c.width, h: c.height, d: Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)})"
    )
    found = page.locator(selector).first.evaluate(script)
    return np.array(found["d"], np.uint8).reshape(found["h"], found["w"], 4)[..., :3]
