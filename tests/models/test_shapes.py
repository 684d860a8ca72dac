"""Every architecture on every shape: complete on return, the data's shape comes back, and what cannot be is refused."""

import keras
import numpy as np
import pytest
from parts import images, make_vae
from support import rest_slow

from vaelab.config import locate
from vaelab.errors import ConfigError

SHAPES = [(8, 8, 1), (28, 28, 1), (28, 28, 3), (32, 32, 3), (31, 17, 1), (94, 94, 3)]
TOO_LARGE = {("conv_mnist", (94, 94, 3))}


@pytest.mark.parametrize("shape", rest_slow(SHAPES, [(31, 17, 1)]), ids=str)
@pytest.mark.parametrize("model", locate.options("model"))
def test_data_shape_comes_back(model, shape, tmp_path):
    words = (f"model={model}", "latent_dim=3")
    if (model, shape) in TOO_LARGE:
        with pytest.raises(ConfigError, match="Use model="):
            make_vae(*words, shapes=(shape,))
        return
    structure = make_vae(*words, shapes=(shape,)).structure
    assert structure.encoder.network.built and structure.decoder.built
    features = structure.encoder(images(shape, 2))
    assert len(features.shape) == 2
    (params,) = structure.decode(np.zeros((2, 3), np.float32))
    assert tuple(params.shape) == (2, *shape)
    (many,) = structure.decode(np.zeros((5, 2, 3), np.float32))
    assert tuple(many.shape) == (5, 2, *shape)
    if shape == (28, 28, 1):  # saved and opened again: the same function
        for network in (structure.encoder.network, structure.decoder):
            network.save(tmp_path / "network.keras")
            again = keras.models.load_model(tmp_path / "network.keras")
            x = np.random.default_rng(0).random((2, *network.input_shape[1:]), np.float32)
            # to rounding: what is saved is the plain convolution (vaelab/models/few_channels.py)
            np.testing.assert_allclose(*(keras.ops.convert_to_numpy(n(x)) for n in (network, again)), atol=1e-6)


@pytest.mark.parametrize("join", ["add", "concatenate", "product"])
def test_noise_at_the_input_of_the_mnist_net(join):
    """The encoder's input has the noise as channels; only the decoder ends in a dense layer over pixels."""
    words = (
        "model=conv_mnist",
        "posterior=implicit",
        "objective=avb",
        "posterior.noise_dim=64",
        f"posterior.join={join}",
    )
    assert make_vae(*words, shapes=((28, 28, 1),)).structure.decoder.output_shape[1:] == (28, 28, 1)


@pytest.mark.parametrize("model", ["conv_v1", "conv_v2"])
def test_an_image_that_cannot_be_halved_so_often_is_refused(model):
    with pytest.raises(ConfigError, match="8x8 cannot be downsampled 5 times"):
        make_vae(f"model={model}", "model.layers=5")
    with pytest.raises(ConfigError, match="one number or a list"):
        make_vae(f"model={model}", "model.filters=[8,8,8]")


def test_strides_and_filters_per_layer():
    structure = make_vae("model=conv_v1", "model.filters=[4,8]", "model.strides=[1,2]", shapes=((9, 9, 1),)).structure
    assert structure.encoder.network.get_layer("down_2").output.shape[1:] == (5, 5, 8)
    assert structure.decoder.output_shape[1:] == (9, 9, 1)


@pytest.mark.parametrize(
    "words,message",
    [
        (["model=deconv_caltech", "model.filters=[8,8]"], "one number for each layer.*model.filters has 2"),
        (["model=deconv_caltech", "model.up_strides=[1,1,2]"], "enlarge 1x1 to 2x2, less than the data's 8x8"),
        (["model=fashion_2d", "model.strides=[4,4,1,1]"], "8x8 cannot be downsampled 2 times by 4"),
        (["model=conv_mnist", "model.decoder_filters=[8,4]"], "expected 4 numbers, one more than model.filters"),
        (["model=conv_mnist", "model.filters=[8,8,8,8]", "model.decoder_filters=[8,8,8,8,8]"], "8x8 cannot be"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        make_vae(*words)


def test_the_decoder_passes_the_published_sizes():
    network = make_vae("model=deconv", shapes=((32, 32, 3),)).structure.decoder
    assert [network.get_layer(f"up_{n}").output.shape[1] for n in (1, 2, 3)] == [16, 16, 33]
    network = make_vae("model=deconv_caltech", shapes=((94, 94, 3),)).structure.decoder
    assert [network.get_layer(f"up_{n}").output.shape[1] for n in (1, 2, 3)] == [24, 48, 96]
    assert network.output_shape[1:] == (94, 94, 3) and network.layers[-1].name == "parameters"  # nothing to crop
