"""Semi-supervised: the class is a latent of the images that have no label."""

import math
from typing import Any

import keras
from keras import layers, ops

from vaelab.compute.noise import Noise
from vaelab.config.types import Activation, NonNegativeFloat, PositiveInt
from vaelab.contracts import Structure, optional
from vaelab.errors import ConfigError
from vaelab.objectives.closed_form import need_density, need_one_density


class M2(layers.Layer):
    """loss = distortion + beta * rate + alpha * cross_entropy, in nats per image.

    With y the condition, p(y) = 1 / K and L(x, y) = E_q(z|x,y)[log p(x|z, y)] - KL(q(z|x, y) || p(z)) + log p(y), a
    bound on log p(x, y): of an image with a label -(distortion + rate) = L(x, y); of one without, all K labels summed
    out, sum_y q(y|x) (L(x, y) - log q(y|x)), a bound on log p(x). Its rate is that of z and of y,
    E_q(y|x) KL(q(z|x, y) || p(z)) + KL(q(y|x) || p(y)); the second is told as `rate_class`. The cross-entropy
    -log q(y|x) is that of `labelled_batch` labelled images drawn at random in each step; of a held-out split it is that
    of its labelled images, 0 where their labels are hidden.

    Args:
        alpha: weight of the cross-entropy.
        bound_weight: of L(x, y) of the same labelled images, with their labels, beside that of the batch; 0: they count
            as often as they are met.
        summed_classes: None sums all K labels out. Else training sums an image's so many likeliest ones and draws one v
            of the rest, C, in proportion to q(y|x): with A_y = distortion + beta * rate of x with y and m the rest's
            q(C|x), sum_y not in C q(y|x) A_y + m A_v and m (A_v - A_top) grad log q(v|x), without bias, for 1 +
            summed_classes passes instead of K. Evaluation sums all.
        labelled_batch: images that a step takes it of.
        hidden_dims, activation: of the classifier, a fully connected net on 2x - 1.

    References:
        Kingma, Rezende, Mohamed & Welling (2014), Semi-supervised learning with deep generative models; their alpha is
        this one times the number of images, beside sums over images.
        Liu, Regier, Tripuraneni, Jordan & McAuliffe (2019), Rao-Blackwellized stochastic gradients for discrete
        distributions: `summed_classes`.
    """

    terms = ("distortion", "rate", "rate_class", "cross_entropy")
    samples = None
    weighs_rate = True
    ranks_models_by = "loss"
    sums_conditions = True

    def __init__(
        self, *, alpha: NonNegativeFloat, bound_weight: NonNegativeFloat, labelled_batch: PositiveInt,
        summed_classes: PositiveInt | None, hidden_dims: list[PositiveInt], activation: Activation, structure, seed,
    ):  # fmt: skip
        super().__init__(name="objective", dtype="float32")
        self.n_classes = optional(structure, Structure, "condition_dim")
        if not self.n_classes:
            raise ConfigError("objective=m2 learns from labels, p(x|z, y) and q(y|x): use condition=label.")
        need_density(structure, "m2")
        need_one_density(structure, "m2")
        self.alpha, self.bound_weight, self.labelled_batch = alpha, bound_weight, labelled_batch
        self.summed_classes = summed_classes
        self.n_views = len(structure.data_shapes)
        self._at_once = optional(structure, Structure, "many_conditions")
        self._bounds = lambda x, training: _terms(structure, x, training)  # the structure is the model's to track
        self.classifier = _classifier(structure.data_shapes, hidden_dims, activation, self.n_classes)
        self.choice = Noise(seed, "labelled_choice")
        self.class_choice: Any = Noise(seed, "class_choice") if summed_classes else None
        self._see: Any = None  # set before training, as the labelled images
        self.images: Any = None
        self.classes: Any = None

    def connect(self, see):
        """Takes what makes stored views what the network sees."""
        self._see = see

    def start(self, images):
        """Keeps the images whose condition is known.

        Raises:
            ConfigError: there are none, or fewer classes than `summed_classes` needs.
        """
        *views, condition = images
        if self.summed_classes and self.summed_classes >= condition.shape[1]:
            raise ConfigError(
                f"objective.summed_classes={self.summed_classes}: expected less than the {condition.shape[1]} classes "
                "that the data have. Use null to sum all."
            )
        rows = condition.sum(axis=1).nonzero()[0]
        if not len(rows):
            raise ConfigError("objective=m2 needs some labelled training images. Use a larger dataset.labelled.")
        self.images = tuple(ops.convert_to_tensor(view[rows]) for view in views)
        self.classes = ops.convert_to_tensor(condition[rows])

    def in_words(self, beta: float) -> str:
        """The loss as a formula with these settings."""
        return f"loss = distortion + {beta:g} rate + {self.alpha:g} cross-entropy of labelled images"

    def classify(self, x):
        """log q(y|x), (B, K), of views as the network sees them."""
        return ops.log_softmax(self.classifier(list(x) if len(x) > 1 else x[0]), axis=-1)

    def losses(self, x, outputs, log_likelihood, stage):
        """Scalar terms, means over the batch; arguments as in `VAE.losses`, the condition behind the views."""
        views, label = x[: self.n_views], x[self.n_views]
        log_q = self.classify(views)  # (B, K)
        known = ops.sum(label, axis=-1)  # 1 or 0
        weights = ops.where(known[:, None] > 0, label, ops.exp(log_q))
        if stage.training and self.summed_classes:
            distortion, rate = self._likeliest_and_one(views, log_q, weights)
        else:
            each = self._each_class(views, stage.training)
            distortion, rate = (ops.sum(weights * values, axis=-1) for values in each)
        of_class = math.log(self.n_classes) + (1.0 - known) * ops.sum(ops.exp(log_q) * log_q, axis=-1)
        terms = {
            "distortion": ops.mean(distortion),
            "rate": ops.mean(rate + of_class),
            "rate_class": ops.mean(of_class),
        }
        loss = terms["distortion"] + stage.beta * terms["rate"]
        if stage.training and self.images is not None:
            views, label = self._labelled()
            log_q, known = self.classify(views), ops.ones((self.labelled_batch,))
            if self.bound_weight:
                distortion, rate = self._bounds((*views, label), True)
                loss = loss + self.bound_weight * ops.mean(distortion + stage.beta * rate)
        terms["cross_entropy"] = -ops.sum(label * log_q) / ops.maximum(ops.sum(known), 1.0)
        return {"loss": loss + self.alpha * terms["cross_entropy"], **terms}

    def _each_class(self, views, training):
        """(distortion, rate) of each image with each class, (B, K) each."""
        n, k = ops.shape(views[0])[0], self.n_classes
        return self._of_classes(views, ops.broadcast_to(ops.eye(k)[:, None], (k, n, k)), training)

    def _of_classes(self, views, classes, training):
        """(distortion, rate) of each image with each of its C classes (C, B, K), (B, C) each."""
        k = classes.shape[0]
        if not self._at_once:
            views = tuple(ops.tile(view, (k, 1, 1, 1)) for view in views)
            classes = ops.reshape(classes, (-1, self.n_classes))
        found = self._bounds((*views, classes), training)
        return tuple(ops.transpose(ops.reshape(values, (k, -1))) for values in found)

    def _likeliest_and_one(self, views, log_q, weights):
        """Estimates of each image's sums over all classes of weights (B, K) times (distortion, rate), (B,) each."""
        _, likeliest = ops.top_k(ops.stop_gradient(weights), self.summed_classes)
        others = 1.0 - ops.sum(ops.one_hot(likeliest, self.n_classes), axis=1)  # (B, K), 1 or 0
        gumbel = -ops.log(-ops.log(self.class_choice.uniform(ops.shape(log_q), True)))
        drawn = ops.argmax(ops.where(others > 0, log_q + gumbel, -math.inf), axis=-1)
        chosen = ops.concatenate([ops.cast(likeliest, "int32"), ops.cast(drawn, "int32")[:, None]], axis=1)
        classes = ops.one_hot(chosen, self.n_classes)  # (B, C, K)
        summed = ops.sum(classes[:, :-1] * weights[:, None], axis=-1)
        rest = ops.stop_gradient(ops.sum(others * weights, axis=-1))
        log_drawn = ops.sum(classes[:, -1] * log_q, axis=-1)
        score = log_drawn - ops.stop_gradient(log_drawn)  # 0, with the gradient of log q(v|x)
        estimates = []
        for values in self._of_classes(views, ops.transpose(classes, (1, 0, 2)), True):
            top = ops.stop_gradient(values[:, :1])  # takes noise away: the weights sum to 1
            of_drawn = rest * (values - top)[:, -1]
            estimate = top[:, 0] + ops.sum(summed * (values - top)[:, :-1], axis=-1) + of_drawn
            estimates.append(estimate + ops.stop_gradient(of_drawn) * score)
        return estimates

    def _labelled(self):
        """(views as the network sees them, labels) of labelled images drawn at random."""
        n = self.classes.shape[0]
        draws = self.choice.uniform((self.labelled_batch,), True)
        rows = ops.minimum(ops.cast(draws * n, "int32"), n - 1)
        views = self._see(tuple(ops.take(view, rows, axis=0) for view in self.images), True)
        return views, ops.take(self.classes, rows, axis=0)


def _terms(structure, x, training):
    """(-log p(x|z, y), rate), (B,) or (K, B) each, at one draw of z."""
    outputs = structure(x, training=training)
    return -structure.log_likelihood(x, outputs.decoded), ops.sum(outputs.rate, axis=-1)


def _classifier(shapes, hidden_dims, activation: str, n_classes: int):
    """Images (B, H, W, C) -> K logits, float32."""
    inputs = [keras.Input(shape, name=f"image_{v}") for v, shape in enumerate(shapes, start=1)]
    flat = [layers.Flatten()(image) for image in inputs]
    h = flat[0] if len(flat) == 1 else layers.Concatenate(name="all_views")(flat)
    h = layers.Rescaling(2.0, -1.0, name="center")(h)
    for n, width in enumerate(hidden_dims, start=1):
        h = layers.Dense(width, activation, name=f"classifier_{n}")(h)
    logits = layers.Dense(n_classes, dtype="float32", name="logits")(h)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], logits, name="classifier")
