"""Products of square matrices, with as many operations as a network needs: what the processor can do at best."""

from harness.contender import Turns, settings

S = settings()
turns = Turns(S["images"])

import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(S["threads"])
tf.config.threading.set_inter_op_parallelism_threads(1)
SIZE = 1024
repeats = max(1, round(S["images"] * S["flop"] / (2 * SIZE**3)))
matrix = tf.cast(tf.random.normal((SIZE, SIZE)), S["precision"])


@tf.function
def products():
    """So many products, each of which needs the one before."""
    return tf.while_loop(lambda i, _: i < repeats, lambda i, x: (i + 1, matrix @ (x / 32)), (0, matrix))[1]


turns.ready()
while True:
    products()[0, 0].numpy()
    turns.next()
