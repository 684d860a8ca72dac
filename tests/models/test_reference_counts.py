"""Parameter counts published or recomputed by hand for the reference experiments: exact."""

import pytest
from parts import count, make_vae

MNIST, CIFAR = (28, 28, 1), (32, 32, 3)


def networks(vae):
    """(encoder with its heads, decoder)."""
    structure = vae.structure
    return count(structure.encoder, structure.posterior), count(structure.decoder)


@pytest.mark.parametrize(
    "words,encoder,decoder",
    [
        (["model=conv_v1", "latent_dim=2"], 238_596, 83_841),
        (["model=conv_v1", "latent_dim=10"], 239_636, 108_929),
        (["model=conv_v2", "latent_dim=10", "model.dense_dim=64"], 239_636, 108_929),
        (["model=conv_v2", "latent_dim=8"], 441_168, 102_657),
        (["model=conv_v2", "latent_dim=8", "model.pool=average"], 441_168, 102_657),
        (["model=conv_v2", "latent_dim=10", "model.dense_dim=64", "model.pool=none"], 313_492, 108_929),
    ],
)
def test_encoder_and_decoder(words, encoder, decoder):
    assert networks(make_vae(*words, shapes=(MNIST,))) == (encoder, decoder)


@pytest.mark.parametrize(
    "words,shape,total",
    [
        (["model=dense", "latent_dim=2"], MNIST, 807_700),
        (["model=dense", "latent_dim=3"], MNIST, 809_238),
        (["model=dense", "latent_dim=10"], MNIST, 820_004),
        (["model=dense", "latent_dim=20"], MNIST, 835_384),
        (["model=dense", "latent_dim=2", "model.hidden_dims=[32]"], MNIST, 51_220),
        (["model=dense", "latent_dim=3", "model.hidden_dims=[256]"], MNIST, 405_014),
        (["model=dense", "latent_dim=2", "model.hidden_dims=[500,120]", "posterior.std=softplus"], MNIST, 906_748),
        (["model=dense", "latent_dim=8", "model.hidden_dims=[500,120]", "posterior.std=softplus"], MNIST, 908_920),
        (["model=dense", "latent_dim=15", "model.hidden_dims=[500,120]", "posterior.std=softplus"], MNIST, 911_454),
    ],
)
def test_total(words, shape, total):
    assert count(make_vae(*words, shapes=(shape,))) == total


@pytest.mark.parametrize(
    "words,shape,encoder,decoder",
    [
        (["model=fashion_2d", "latent_dim=2"], MNIST, 552_548, 356_545),
        (["model=conv_mnist", "latent_dim=8"], MNIST, 4_316_464, 737_081),
        (["model=dense_synthetic", "latent_dim=2"], (1, 4, 1), 68_100, 67_588),
        (["model=deconv", "latent_dim=2"], CIFAR, 1_068_171, 1_085_283),
    ],
)
def test_both_halves(words, shape, encoder, decoder):
    assert networks(make_vae(*words, shapes=(shape,))) == (encoder, decoder)


@pytest.mark.parametrize(
    "words,shape,total",
    [
        (["model=fashion_2d", "latent_dim=2"], MNIST, 909_093),
        (["model=conv_mnist", "latent_dim=8"], MNIST, 5_053_545),
        (["model=dense_synthetic", "latent_dim=2"], (1, 4, 1), 135_688),
        (["model=deconv", "latent_dim=2"], CIFAR, 2_153_454),
        (["model=deconv", "latent_dim=16", "model.dense_dim=256"], CIFAR, 4_262_410),
        (["model=deconv_caltech", "latent_dim=32"], (94, 94, 3), 2_437_143),
        (["model=deconv_caltech_128", "latent_dim=64"], (128, 128, 3), 8_643_031),
    ],
)
def test_total_of_the_others(words, shape, total):
    assert count(make_vae(*words, shapes=(shape,))) == total


@pytest.mark.parametrize(
    "words,encoder,critic",
    [
        (
            ["objective=avb", "posterior=implicit", "posterior.noise_dim=4", "posterior.join=concatenate"],
            68_610,
            133_632,
        ),
        (["objective=avb_ac", "posterior=basis"], 81_954, 794_114),
    ],
)
def test_adversarial_on_points(words, encoder, critic):
    vae = make_vae("model=dense_synthetic", *words, shapes=((1, 4, 1),))
    assert networks(vae) == (encoder, 67_588) and count(vae.objective.critic) == critic


@pytest.mark.parametrize(
    "model,shape,total", [("dense_synthetic", (1, 8, 1), 278_556), ("conv_mnist", MNIST, 10_092_670)]
)
def test_conjoint(model, shape, total):
    vae = make_vae(f"model={model}", "structure=conjoint", shapes=(shape, shape))
    assert count(vae) == total
