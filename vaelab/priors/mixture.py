"""p(z) as a mixture of Gaussians that is learned with the model."""

import numpy as np
from keras import initializers, ops

from vaelab.config.types import NonNegativeFloat, PositiveInt
from vaelab.errors import ConfigError
from vaelab.priors.gaussians import GaussianMixture

_CLUSTERED = 10_000  # codes that the first clusters are made of


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
        self.n, self.words = components, f"mixture of {components} Gaussians"
        first = initializers.RandomNormal(0.0, spread)
        self.logits = self.add_weight(shape=(components,), initializer="zeros", name="logits")
        self.means = self.add_weight(shape=(components, latent_dim), initializer=first, name="means")
        self.log_vars = self.add_weight(shape=(components, latent_dim), initializer="zeros", name="log_vars")

    def start_at(self, codes, rng):
        """Means, variances and sizes of the clusters of some of the codes (k-means).

        Raises:
            ConfigError: fewer codes than components.
        """
        from sklearn.cluster import KMeans

        n = self.n
        if len(codes) < n:
            raise ConfigError(f"prior.components={n} are more than the {len(codes):,} codes. Ask for fewer.")
        some = codes[rng.permutation(len(codes))[:_CLUSTERED]].astype("float64")
        found = KMeans(n, random_state=int(rng.integers(2**31))).fit(some)  # one start, by k-means++
        nearest = np.asarray(found.labels_)
        sizes = np.bincount(nearest, minlength=n)
        spread = np.stack([np.var(some[nearest == k], axis=0) for k in range(n)])
        self.means.assign(found.cluster_centers_)
        self.log_vars.assign(np.log(np.maximum(spread, 1e-3 * some.var(axis=0) + 1e-12)))
        self.logits.assign(np.log(sizes / len(some)))

    def components(self):
        """(log w_k (K,), m_k (K, D), log s_k^2 (K, D))."""
        return ops.log_softmax(self.logits), ops.convert_to_tensor(self.means), ops.convert_to_tensor(self.log_vars)
