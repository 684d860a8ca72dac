"""Models built from words on the command line, without data: what tests of models and their parts start from."""

import math
import warnings

import numpy as np


def config(*words) -> dict:
    """The checked configuration of `vaelab train <words>` as plain containers."""
    from omegaconf import OmegaConf

    from vaelab.config.compose import compose

    return OmegaConf.to_container(compose("train", list(words)), resolve=True)


def make_vae(*words, shapes=((8, 8, 1),), binarize="none", standardize=None, condition_dim=0, **more):
    """The complete model of `vaelab train <words>` for images of the given shapes."""
    from vaelab.build import build
    from vaelab.datasets.base import DataFacts

    facts = DataFacts(shapes, binarize, standardize, condition_dim=condition_dim)
    return build(config(*words), facts, **more)


def data(kind, eight_bit=True):
    """What a likelihood asks of a dataset."""
    from vaelab.datasets.base import DataFacts

    return DataFacts(((8, 8, 1),), data_kind=kind, eight_bit=eight_bit)


def trainer_of(cfg, **changes):
    """The trainer settings of a configuration, some of them changed."""
    from vaelab.config.schema import Trainer

    return Trainer(**{**cfg["trainer"], **changes})


def count(*networks) -> int:
    """Trainable parameters."""
    return sum(math.prod(v.shape) for network in networks for v in network.trainable_variables)


def images(shape, n=4, seed=0, binary=False) -> np.ndarray:
    """n random images (n, H, W, C), float32 in [0, 1]; zeros and ones where binary."""
    x = np.random.default_rng(seed).random((n, *shape), np.float32)
    return (x > 0.5).astype(np.float32) if binary else x


def snapshot(part) -> list[np.ndarray]:
    """Copies of a part's trainable variables."""
    from keras import ops

    return [np.array(ops.convert_to_numpy(v.value)) for v in part.trainable_variables]


def moved(before, part) -> float:
    """Largest change of any trainable variable since `before`."""
    return max((float(np.abs(a - b).max()) for a, b in zip(before, snapshot(part), strict=True)), default=0.0)


def one_step(vae, x, loss) -> None:
    """One step of plain gradient descent on loss(seen views, outputs), a function of one forward pass of `vae`."""
    import keras

    def only_this(x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return loss(y_pred.x, y_pred.outputs)

    vae.compute_loss = only_this
    vae.compile(optimizer=keras.optimizers.SGD(0.01))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gradients do not exist")  # that is what is asked
        vae.fit(one_batch(x), epochs=1, verbose=0)


def one_batch(x, repeat=1):
    """A data set of one batch of views, `repeat` times in an epoch."""
    import keras

    class OneBatch(keras.utils.PyDataset):
        def __len__(self):
            return repeat

        def __getitem__(self, index):
            return (tuple(x),)

    return OneBatch()
