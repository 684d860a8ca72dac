"""Sizes, asked before they are allocated."""

import numpy as np
import pytest
from parts import make_vae

from vaelab.config.schema import SHARED
from vaelab.datasets.base import Dataset, Split
from vaelab.datasets.prepare import prepare
from vaelab.errors import ConfigError, about_memory
from vaelab.system import memory


def test_words_for_bytes():
    assert [memory.in_words(n) for n in (12, 2.5e3, 3e6, 4.04e9, 5e12, 7e20)] == [
        "12 bytes", "2.5 kB", "3.0 MB", "4.0 GB", "5.0 TB", "7.0e+20 bytes",
    ]  # fmt: skip


def test_what_fits_passes_and_what_does_not_is_told_with_both_sizes(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1_000_000)
    memory.require(1_000_000, "It")
    with pytest.raises(ConfigError, match=r"It would take 2\.0 MB of memory, and 1\.0 MB are available\. Less\."):
        memory.require(2_000_000, "It", "Less.")


def test_available_is_what_the_machine_has():
    import psutil

    assert 0 < memory.available() <= psutil.virtual_memory().total


HUGE = 10**9


@pytest.mark.parametrize(
    "words",
    [
        ["model=dense", f"latent_dim={HUGE}"],
        ["model=conv_v2", f"latent_dim={HUGE}"],
        ["model=deconv", f"latent_dim={HUGE}"],
        ["model=linear", f"latent_dim={10 * HUGE}"],
        ["model=dense", f"model.hidden_dims=[{HUGE}]"],
        ["model=dense", "model.hidden_dims=[100000,10000000]"],
        ["model=conv_v1", "model.filters=1000000"],
        ["model=conv_v2", "model.filters=1000000"],
        ["model=conv_v1", f"model.dense_dim={HUGE}"],
        ["model=dense", "posterior=implicit", "objective=avb", f"posterior.noise_dim={HUGE}"],
        ["model=dense", "posterior=basis", "objective=avb_ac", f"posterior.noise_nets={HUGE}"],
    ],
)
def test_a_model_that_does_not_fit_is_refused_before_it_is_allocated(words, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 4_000_000_000)
    with pytest.raises(ConfigError, match=r"(would take .* of memory|Unable to allocate).*Choose fewer latents"):
        make_vae(*words)


def test_images_that_do_not_fit_make_the_model_refuse(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 4_000_000_000)
    with pytest.raises(ConfigError, match="would take"):
        make_vae("model=dense", shapes=((100_000, 100_000, 1),))


def test_training_needs_more_than_the_weights(monkeypatch):
    weights = 4 * (64 * 8192 + 8192)
    monkeypatch.setattr(memory, "available", lambda: 3 * weights)
    make_vae("model=linear", "latent_dim=8192")
    with pytest.raises(ConfigError, match="gradients and moments"), memory.weights_fit("Less.", copies=4):
        make_vae("model=linear", "latent_dim=8192")


def test_keras_is_as_before_afterwards():
    from keras.layers import Layer

    original = Layer.add_weight
    with pytest.raises(ZeroDivisionError), memory.weights_fit("Less."):
        assert Layer.add_weight is not original
        raise ZeroDivisionError
    assert Layer.add_weight is original


@pytest.mark.parametrize("key", ["resize", "pad_to"])
def test_larger_images_that_do_not_fit_are_refused_with_their_bytes(key):
    x = np.zeros((10, 8, 8, 1), np.uint8)
    dataset = Dataset("none", Split((x,)), Split((x,)))
    with pytest.raises(ConfigError, match=rf"dataset\.{key}=\[1000000,1000000\] for 20 images would take 20\.0 TB"):
        prepare(dataset, dict.fromkeys(SHARED) | {key: [10**6, 10**6]}, seed=0, validation=False)


class ResourceExhaustedError(Exception):
    """As TensorFlow names its own."""


@pytest.mark.parametrize(
    "error",
    [MemoryError("Unable to allocate 2 TiB"), MemoryError(), ResourceExhaustedError("OOM when allocating\nnode"),
     RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)  # fmt: skip
def test_failed_allocations_are_told_in_a_line(error):
    assert "not enough memory" in about_memory(error) and "\n" not in about_memory(error)
    assert about_memory(RuntimeError("else")) is None
