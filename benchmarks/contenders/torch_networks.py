"""The networks in PyTorch, with the weights that Keras starts from.

A transposed convolution of stride 2 adds its odd row at the other end in PyTorch. Images, kernels and the pixels of
dense layers are therefore turned by 180 degrees: both tools then compute the same numbers in their natural form.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

LATENT_DIM = 10


class Encoder(nn.Module):
    """image (B, 1, 28, 28) -> mean, log variance."""

    def __init__(self, network):
        super().__init__()
        if network == "dense":
            self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU())
        else:
            self.body = nn.Sequential(
                nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                nn.Flatten(), nn.Linear(7 * 7 * 64, 128), nn.ReLU(),
            )  # fmt: skip
        width = 512 if network == "dense" else 128
        self.mean, self.log_var = nn.Linear(width, LATENT_DIM), nn.Linear(width, LATENT_DIM)

    def forward(self, x):
        features = self.body(x)
        return self.mean(features), self.log_var(features)


def decoder(network) -> nn.Sequential:
    """z -> logits (B, 1, 28, 28)."""
    if network == "dense":
        return nn.Sequential(nn.Linear(LATENT_DIM, 512), nn.ReLU(), nn.Linear(512, 784), nn.Unflatten(1, (1, 28, 28)))
    up = {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}
    return nn.Sequential(
        nn.Linear(LATENT_DIM, 7 * 7 * 64), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 64, **up), nn.ReLU(), nn.ConvTranspose2d(64, 64, **up), nn.ReLU(),
        nn.Conv2d(64, 1, 3, padding=1),
    )  # fmt: skip


def turned(images: np.ndarray) -> np.ndarray:
    """(N, 28, 28, 1) -> (N, 1, 28, 28), upside down and mirrored."""
    return np.ascontiguousarray(images[:, ::-1, ::-1, 0])[:, None]


def load(encoder, decoder, start: Path, network: str) -> None:
    """Keras's weights into both."""
    arrays = np.load(start / f"{network}.npz")
    names = {"encoder": ["hidden_1", "convolution_1", "convolution_2", "features"],
             "decoder": ["hidden_1", "expand", "up_1", "up_2", "parameters"]}  # fmt: skip
    targets = {"encoder/mean": encoder.mean, "encoder/log_var": encoder.log_var}
    for part, body in (("encoder", encoder.body), ("decoder", decoder)):
        layers = [layer for layer in body if hasattr(layer, "weight")]
        present = [name for name in names[part] if f"{part}/{name}/kernel" in arrays.files]
        targets |= {f"{part}/{name}": layer for name, layer in zip(present, layers, strict=True)}
    with torch.no_grad():
        for name, layer in targets.items():
            kernel, bias = arrays[f"{name}/kernel"], arrays[f"{name}/bias"]
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(_kernel(name, kernel, network))))
            layer.bias.copy_(torch.from_numpy(np.ascontiguousarray(_bias(name, bias, network))))


def _kernel(name, kernel, network):
    if kernel.ndim == 4:
        kernel = kernel[::-1, ::-1]
        return kernel.transpose(3, 2, 0, 1)  # (h, w, in, out) -> (out, in, h, w); transposed: (h, w, out, in) alike
    kernel = kernel.T  # (out, in)
    if name in ("encoder/features", "encoder/hidden_1"):
        return _pixels(kernel, axis=1, network=network)
    if name == "decoder/expand" or (name, network) == ("decoder/parameters", "dense"):
        return _pixels(kernel, axis=0, network=network)
    return kernel


def _bias(name, bias, network):
    if name == "decoder/expand" or (name, network) == ("decoder/parameters", "dense"):
        return _pixels(bias, axis=0, network=network)
    return bias


def _pixels(array, axis, network):
    """The axis of flattened (H, W, C) pixels as that of turned (C, H, W) ones."""
    shape = (28, 28, 1) if network == "dense" else (7, 7, 64)
    array = np.moveaxis(array, axis, 0)
    turned = array.reshape(*shape, *array.shape[1:])[::-1, ::-1]
    return np.moveaxis(np.moveaxis(turned, 2, 0).reshape(array.shape), 0, axis)
