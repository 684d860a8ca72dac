"""p(z) as a mixture of Gaussians that is learned with the model."""

from keras import initializers, ops

from vaelab.config.types import NonNegativeFloat, PositiveInt
from vaelab.priors.gaussians import GaussianMixture


class Mixture(GaussianMixture):
    """p(z) = sum_k softmax(a)_k N(z; m_k, diag(exp(v_k))), a, m and v learned.

    Args:
        components: K.
        spread: standard deviation of the first means about 0; the first variances are 1, the first weights equal.
        latent_dim: D.
    """

    option = "mixture"

    def __init__(self, *, components: PositiveInt, spread: NonNegativeFloat, latent_dim):
        super().__init__(latent_dim=latent_dim)
        self.words = f"mixture of {components} Gaussians"
        first = initializers.RandomNormal(0.0, spread)
        self.logits = self.add_weight(shape=(components,), initializer="zeros", name="logits")
        self.means = self.add_weight(shape=(components, latent_dim), initializer=first, name="means")
        self.log_vars = self.add_weight(shape=(components, latent_dim), initializer="zeros", name="log_vars")

    def components(self):
        """(log w_k (K,), m_k (K, D), log s_k^2 (K, D))."""
        return ops.log_softmax(self.logits), ops.convert_to_tensor(self.means), ops.convert_to_tensor(self.log_vars)
