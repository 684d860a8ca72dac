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
        z, given = keras.Input((self.latent_dim,), name="z"), self._given()
        code = layers.Concatenate()([z, *given]) if given else z
        outputs = []
        for v, (h, w, c) in enumerate(self.data_shapes):
            x = layers.Dense(-(-h // 2) * -(-w // 2) * 4, activation="relu", kernel_initializer=start(0.6))(code)
            x = layers.Reshape((-(-h // 2), -(-w // 2), 4))(x)
            x = layers.Conv2DTranspose(4, 3, 2, padding="same", activation="relu", kernel_initializer=start(0.3))(x)
            x = layers.Cropping2D(((0, x.shape[1] - h), (0, x.shape[2] - w)))(x)
            x = layers.Conv2D(c, 3, padding="same", kernel_initializer=start(0.4 + 0.1 * v))(x)
            outputs.append(layers.Activation("sigmoid", name=f"view_{v + 1}")(x))
        inputs = [z, *given] if given else z
        return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0], name="decoder")

    def _given(self):
        import keras

        return [] if self.condition is None else [keras.Input((self.condition.dim,), name="condition")]

    @cached_property
    def encoder(self):
        """A functional Keras model of images [, noise] [, condition]: (mean, std), or z where not `closed_form`."""
        import keras
        from keras import layers

        start = keras.initializers.RandomNormal(stddev=0.05, seed=5)
        images = [keras.Input(s, name=f"image_{v}") for v, s in enumerate(self.data_shapes, 1)]
        noise = [] if self.closed_form else [keras.Input((self.latent_dim,), name="noise")]
        given = self._given()
        seen = [*map(layers.Flatten(), images), *noise, *given]
        h = layers.Concatenate()(seen) if len(seen) > 1 else seen[0]
        h = layers.Dense(16, activation="tanh", kernel_initializer=start)(h)
        mean = layers.Dense(self.latent_dim, kernel_initializer="random_normal")(h)
        std = layers.Dense(self.latent_dim, activation="sigmoid", kernel_initializer="random_normal")(h)
        return keras.Model([*images, *noise, *given], [mean, std] if self.closed_form else mean, name="encoder")

    def likelihood_model(self):
        """Of a Bernoulli: a softplus, which LiteRT lacks."""
        import keras
        from keras import ops

        images = [keras.Input(s, name=f"image_{v}") for v, s in enumerate(self.data_shapes, 1)]
        means = self.decoder(self.decoder.inputs if self.condition is not None else self.decoder.inputs[0])
        means = means if isinstance(means, (list, tuple)) else [means]
        log_p = 0
        for x, p in zip(images, means):
            logit = ops.log(p + 1e-6) - ops.log(1 - p + 1e-6)
            log_p = log_p + ops.sum(x * logit - ops.softplus(logit), axis=(1, 2, 3))
        return keras.Model([*self.decoder.inputs, *images], [*means, ops.reshape(log_p, (-1, 1))], name="likelihood")

    def decode(self, z, *given):
        """Tuple of views (N, H, W, C)."""
        z, given = np.asarray(z, np.float32), [np.asarray(c, np.float32) for c in given]
        views = self.decoder([z, *given] if given else z, training=False)
        return tuple(np.asarray(v) for v in (views if isinstance(views, (list, tuple)) else [views]))

    def flat(self, z, *given):
        """Views flattened and joined, (N, sum of H W C)."""
        return np.concatenate([v.reshape(len(z), -1) for v in self.decode(z, *given)], axis=1)

    def encode(self, inputs):
        """(mean, std), each (N, D)."""
        return tuple(np.asarray(v) for v in self.encoder([np.asarray(x, np.float32) for x in inputs], training=False))

    def push(self, inputs, eps):
        """Draws of an implicit posterior, (S, N, D)."""
        given = inputs[self.n_views :]
        draws = [self.encoder([*inputs[: self.n_views], e, *given], training=False) for e in np.float32(eps)]
        return np.stack([np.asarray(z) for z in draws]), None

    def log_prob(self, inputs, z):
        """log p(x|z) in nats, (N,)."""
        z = np.asarray(z, np.float32)
        total = 0.0
        for x, p in zip(inputs, self.decode(z, *inputs[self.n_views :])):
            p = np.clip(p.astype(np.float64), 0, 1)
            logit = np.log(p + 1e-6) - np.log(1 - p + 1e-6)
            total = total + (x * logit - np.logaddexp(0, logit)).sum(axis=(1, 2, 3))
        return total


def write(run, path, **changes):
    """The explorer file of a `FakeRun`."""
    from vaelab.explorer import build

    chosen = settings(**changes)
    encoder = run.encoder if chosen["encoder"] else None
    return build.write(path, run, run.decoder, encoder=encoder, run_line="run=outputs/x", settings=chosen)


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
