"""p(z) of levels of latents: the highest from a prior, each other one given those above it."""

import keras
import numpy as np
from keras import layers, ops

from vaelab.contracts import Prior, optional
from vaelab.structures.networks import concatenated, cut

_CODES_PER_CALL = 10_000


class Below:
    """p(z_l | z_(l+1), ..., z_L) of every level l but the highest, of the posterior's family.

    The networks are the structure's, which tracks their weights.

    Args:
        parts: {name: slice of z}, the lowest level first.
        networks: one for each level but the highest, of all levels above it -> (B, W).
        heads: posterior layers on them.
    """

    def __init__(self, parts: dict, networks, heads):
        self.parts, self._networks, self._heads = dict(parts), tuple(networks), tuple(heads)

    def parameters(self, level: int, z):
        """Parameters of p(z_l | z_>l): z (B, D)."""
        return self._heads[level].parameters(self._seen(level, [z[:, part] for part in self._above(level)]))

    def log_probs(self, z):
        """[log p(z_l | z_>l)] in nats, (B,) each, the lowest level first: z (B, D)."""
        parts = list(self.parts.values())
        return [h.log_prob(z[:, parts[k]], self.parameters(k, z)) for k, h in enumerate(self._heads)]

    def made(self, level: int, above, eps):
        """z_l ~ p(z_l | z_>l) of noise eps ~ N(0, I), (B, d); above: z_(l+1), ..., z_L."""
        return made_of(self._heads[level], self._seen(level, above), eps)

    def exported(self, noise, top):
        """z as a symbolic tensor of built-in layers: noise (B, D), z_L (B, d)."""
        levels = [top]
        for k, head in reversed(list(enumerate(self._heads))):
            eps = cut(noise, list(self.parts.values())[k], f"noise_{k + 1}")
            levels.insert(0, exported_draw(head, fed(self._networks[k], levels), eps, f"prior_level_{k + 1}"))
        return concatenated(levels, "z")

    def held(self) -> dict:
        """{name: variable} of networks and heads."""
        names = list(self.parts)
        return {
            f"{names[k]}/{n}": v
            for k, pair in enumerate(zip(self._networks, self._heads))
            for n, v in enumerate(v for layer in pair for v in layer.trainable_variables)
        }

    def _above(self, level: int) -> list:
        return list(self.parts.values())[level + 1 :]

    def _seen(self, level: int, above):
        return fed(self._networks[level], above)


class LevelPrior(layers.Layer):
    """log p(z) = log p(z_L) + sum over lower levels of log p(z_l | z_>l).

    What the highest level's prior may have (`contracts.Prior`) it has, where that means something for all levels.

    Args:
        top: p(z_L), a part of the group prior.
        below: `Below`.
    """

    def __init__(self, top, below: Below):
        super().__init__(name="prior_of_levels", dtype="float32")
        self.top, self.below = top, below
        *_, self._top_part = below.parts.values()
        self.option, n = optional(top, Prior, "option"), len(below.parts)
        above = [",".join(f"z{k}" for k in range(level + 1, n + 1)) for level in range(1, n)]
        lower = [f"z{level} ~ p(z{level}|{given})" for level, given in enumerate(above, 1)]
        self.words = ", ".join([*lower, f"z{n} ~ {optional(top, Prior, 'words')}"])
        for member in ("connect", "start", "renew"):
            if (own := optional(top, Prior, member)) is not None:
                setattr(self, member, own)
        if optional(top, Prior, "training_log_prob") is not None:
            self.training_log_prob = self._training_log_prob
        if optional(top, Prior, "draw") is not None:
            self.draw = self._draw
        if optional(top, Prior, "exported") is not None or optional(top, Prior, "gaussian"):
            self.exported = self._exported
        self.built = True

    def log_prob(self, z):
        """log p(z): tensor (..., D) -> (...)."""
        flat = ops.reshape(z, (-1, z.shape[-1]))
        found = self.top.log_prob(flat[:, self._top_part]) + sum(self.below.log_probs(flat))
        return ops.reshape(found, ops.shape(z)[:-1])

    def _training_log_prob(self, z, rows):
        """The same while training, (B,): z (B, D) of the training images `rows`."""
        return self.top.training_log_prob(z[:, self._top_part], rows) + sum(self.below.log_probs(z))

    def _draw(self, n, noise, training):
        """n draws as a tensor (n, D)."""
        return self._completed(self.top.draw(n, noise, training), lambda size: noise.normal((n, size), training))

    def _completed(self, z, eps):
        """z_L with the levels below it, of noise eps(size)."""
        levels, sizes = [z], [s.stop - s.start for s in self.below.parts.values()]
        for k in reversed(range(len(sizes) - 1)):
            levels.insert(0, self.below.made(k, levels, eps(sizes[k])))
        return ops.concatenate(levels, axis=-1)

    def sample(self, n, rng):
        """n draws as an array (n, D)."""
        return self.frozen().sample(n, rng)

    def frozen(self, arrays=None):
        """Draws with the weights of now, or with those of a run's prior.npz, which are put into the layers."""
        held = self.below.held()
        top = optional(self.top, Prior, "frozen")
        own = None
        if arrays is not None:
            own = {k.removeprefix("top/"): v for k, v in arrays.items() if k.startswith("top/")}
            for name, variable in held.items():
                variable.assign(arrays[name])
        numpy = self.top if top is None else top(own)
        kept = {name: ops.convert_to_numpy(v.value) for name, v in held.items()}
        kept |= {} if top is None else {f"top/{name}": value for name, value in numpy.arrays.items()}
        return FrozenLevels(self.below, numpy, kept)

    def _exported(self):
        """noise N(0, I) (B, D) -> z, a functional model of built-in layers."""
        dim = self._top_part.stop
        noise = keras.Input((dim,), name="noise")
        top = cut(noise, self._top_part, "noise_of_the_highest")
        network = optional(self.top, Prior, "exported")
        if network is not None:
            return keras.Model(noise, self.below.exported(noise, network()(top)), name="prior")
        mean, std = (np.asarray(a, np.float32) for a in (self.top.mean, self.top.std))
        affine = layers.Dense(len(mean), name="affine")
        model = keras.Model(noise, self.below.exported(noise, affine(top)), name="prior")
        affine.set_weights([np.diag(std), mean])
        return model


class FrozenLevels:
    """Draws in numpy.

    Args:
        below: `Below`.
        top: p(z_L) in numpy.
        arrays: {name: weights}, what prior.npz holds.
    """

    def __init__(self, below: Below, top, arrays: dict):
        self._below, self._top, self.arrays = below, top, arrays

    def sample(self, n, rng):
        """n draws (n, D)."""
        dim = max(part.stop for part in self._below.parts.values())
        return self.redraw(np.zeros((n, dim), np.float32), tuple(self._below.parts), rng)

    def redraw(self, z, parts, rng):
        """z (n, D) with some levels drawn anew, each given those above it as they then are."""
        z = np.array(z, np.float32)
        *lower, (highest, place) = self._below.parts.items()
        if highest in parts:
            z[:, place] = self._top.sample(len(z), rng)
        for k, (name, place) in reversed(list(enumerate(lower))):
            if name in parts:
                eps = rng.standard_normal((len(z), place.stop - place.start), np.float32)
                for start in range(0, len(z), _CODES_PER_CALL):
                    rows = slice(start, start + _CODES_PER_CALL)
                    above = [ops.convert_to_tensor(z[rows, p]) for p in list(self._below.parts.values())[k + 1 :]]
                    made = self._below.made(k, above, ops.convert_to_tensor(eps[rows]))
                    z[rows, place] = ops.convert_to_numpy(made)
        return z


def fed(network, tensors):
    """A functional model of a list of tensors, which may be one."""
    return network(list(tensors) if len(tensors) > 1 else tensors[0])


def made_of(head, features, eps):
    """z of a posterior's head and noise eps ~ N(0, I), (B, d)."""
    if not head.closed_form:
        return head(features, eps=eps)[0]
    q = head.parameters(features)
    return q.mean + q.std * eps


def exported_draw(head, features, noise, name: str):
    """The same of symbolic tensors, made of built-in layers."""
    if not head.closed_form:
        return head.exported(features, noise)
    mean, std = head.exported(features, None)
    return exported_noisy(mean, std, noise, name)


def exported_product(q, p, name: str):
    """(mean, std) of the Gaussian that is proportional to N(q) N(p), of symbolic (mean, std) of each, built-in layers.

    With u = s_p / sqrt(s_q^2 + s_p^2): std = s_q u, mean = m_p + u^2 (m_q - m_p).
    """
    (mean_q, std_q), (mean_p, std_p) = q, p
    n = mean_q.shape[-1]
    rows = [layers.Reshape((1, n), name=f"{name}_std_{k}")(std) for k, std in (("of_x", std_q), ("of_prior", std_p))]
    pair = layers.UnitNormalization(axis=1, name=f"{name}_unit")(layers.Concatenate(axis=1, name=f"{name}_both")(rows))
    u = layers.Reshape((n,), name=f"{name}_u")(layers.Cropping1D((1, 0), name=f"{name}_of_prior")(pair))
    apart = layers.Subtract(name=f"{name}_apart")([mean_q, mean_p])
    moved = layers.Multiply(name=f"{name}_moved")([u, u, apart])
    return layers.Add(name=f"{name}_mean")([mean_p, moved]), layers.Multiply(name=f"{name}_std")([std_q, u])


def exported_noisy(mean, std, noise, name: str):
    """mean + std noise of symbolic tensors, built-in layers."""
    return layers.Add(name=f"{name}_drawn")([mean, layers.Multiply(name=f"{name}_spread")([std, noise])])
