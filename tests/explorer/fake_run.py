"""A run that is known exactly: a small random Keras decoder, codes around class centres, pictures decoded from them."""

from functools import cached_property

import numpy as np
import yaml
from fake_view import FakeSplit, FakeView

from vaelab.config import locate


def settings(**changes) -> dict:
    """The settings of conf/explorer/file.yaml, made quick."""
    found = yaml.safe_load((locate.conf_dir() / "explorer" / "file.yaml").read_text(encoding="utf-8"))
    return {**found, "tsne_points": 120, "iterations": 250, "perplexity": 10.0, **changes}


class FakeRun(FakeView):
    """What the explorer shows: codes around class centres, pictures decoded from them.

    Args:
        latent_dim: D.
        shapes: (H, W, C) of each view.
        n: codes.
        class_names: one class centre each; empty for no labels.
    """

    def __init__(
        self, latent_dim=6, shapes=((28, 28, 1),), n=300, class_names=("zero", "one", "two"),
        name="digits, 6 latents", **more,
    ):  # fmt: skip
        settings = {"class_names": class_names, "name": name, "data_kind": "grey", **more}
        super().__init__(latent_dim=latent_dim, data_shapes=shapes, **settings)
        rng = np.random.default_rng(0)
        y = rng.integers(max(1, len(class_names)), size=n)
        centres = rng.normal(size=(max(1, len(class_names)), latent_dim)) * np.linspace(2, 0.3, latent_dim)
        self.codes = (centres[y] + 0.3 * rng.normal(size=(n, latent_dim))).astype(np.float32)
        self.y = y if class_names else None
        self.split_ = FakeSplit(self, "test", self.codes, np.ones_like(self.codes), y=self.y)
        self._splits["test"] = self.split_

    @cached_property
    def decoder(self):
        """A functional Keras model with weights large enough that pictures differ."""
        import keras
        from keras import layers

        keras.utils.set_random_seed(1)
        start = lambda scale: keras.initializers.RandomNormal(stddev=scale, seed=3)  # noqa: E731
        z = keras.Input((self.latent_dim,), name="z")
        outputs = []
        for v, (h, w, c) in enumerate(self.data_shapes):
            x = layers.Dense(-(-h // 2) * -(-w // 2) * 4, activation="relu", kernel_initializer=start(0.6))(z)
            x = layers.Reshape((-(-h // 2), -(-w // 2), 4))(x)
            x = layers.Conv2DTranspose(4, 3, 2, padding="same", activation="relu", kernel_initializer=start(0.3))(x)
            x = layers.Cropping2D(((0, x.shape[1] - h), (0, x.shape[2] - w)))(x)
            x = layers.Conv2D(c, 3, padding="same", kernel_initializer=start(0.4 + 0.1 * v))(x)
            outputs.append(layers.Activation("sigmoid", name=f"view_{v + 1}")(x))
        return keras.Model(z, outputs if len(outputs) > 1 else outputs[0], name="decoder")

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
