"""The two streams a random layer draws from: training's, kept in the checkpoint, and evaluation's, which restarts."""

import zlib

import keras
from keras import random

from vaelab.compute import seeds


class Noise(keras.layers.Layer):
    """Standard normal and uniform draws, seeded by name.

    Training noise is a function of (seed, name, number of training calls so far): the count is the state of a seed
    generator, which checkpoints save. Evaluation has a stream of its own, restarted before every pass over a split,
    so that an epoch's validation does not depend on what was evaluated before and never moves training's.

    Args:
        seed: the run's seed.
        name: names the use; two layers with different names draw independently.
    """

    def __init__(self, seed, name):
        super().__init__(name=name, dtype="float32")
        stream = zlib.crc32(name.encode())
        self.train_stream, self.eval_stream = (
            random.SeedGenerator(int(seeds.generator(seed, key, stream).integers(2**31)), name=f"{name}_{key}")
            for key in ("train_noise", "eval_noise")
        )
        self._eval_start = keras.ops.convert_to_numpy(self.eval_stream.state.value)

    def _stream(self, training):
        return self.train_stream if training else self.eval_stream

    def normal(self, shape, training):
        """eps ~ N(0, I) of the given shape, float32."""
        return random.normal(shape, seed=self._stream(training))

    def uniform(self, shape, training):
        """u ~ U[0, 1) of the given shape, float32."""
        return random.uniform(shape, seed=self._stream(training))

    def restart_evaluation(self):
        """Puts the evaluation stream back to its beginning."""
        self.eval_stream.state.assign(self._eval_start)
