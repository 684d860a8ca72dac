"""The networks as Pythae's VAE takes them: its own base classes around them, its own loss."""

from pathlib import Path

import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch_networks import LATENT_DIM, Encoder, decoder, load


class PythaeEncoder(BaseEncoder):
    """Names the two heads as Pythae wants them."""

    def __init__(self, network):
        super().__init__()
        self.network = Encoder(network)

    def forward(self, x):
        mean, log_var = self.network(x)
        return ModelOutput(embedding=mean, log_covariance=log_var)


class PythaeDecoder(BaseDecoder):
    """Pythae's cross-entropy takes probabilities."""

    def __init__(self, network):
        super().__init__()
        self.network = decoder(network)

    def forward(self, z):
        return ModelOutput(reconstruction=torch.sigmoid(self.network(z)))


def model(network: str, start: Path) -> VAE:
    """A Pythae VAE with the common weights."""
    encoder, generator = PythaeEncoder(network), PythaeDecoder(network)
    load(encoder.network, generator.network, start, network)
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT_DIM, reconstruction_loss="bce")
    return VAE(config, encoder, generator)
