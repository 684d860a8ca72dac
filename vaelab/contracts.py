"""What each kind of part must have, may have, and what happens where it has not.

A part is whatever a `_target_` names: a class or function of one's own is as good as vaelab's. In a contract, methods
and members without a value are what a part must have; members with a value are what it may have, and the value is what
counts where it has not. Arguments before a `*` are handed over by position, those behind it by name; a part may take
more, with defaults. `check` refuses a part that does not fit, `optional` reads what a part may have: nothing else in
vaelab asks a part what it has.

Letters: B batch, S samples, D latents, K columns of a condition, H W C an image, C' likelihood parameters per pixel,
F features, V views, N images. Rates and likelihoods are in nats per image, summed over pixels, latents and views.
Tensors are Keras's (`keras.ops`), arrays numpy's; "symbolic" tensors are those of functional models.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from vaelab.errors import ConfigError


class DatasetModule(Protocol):
    """`conf/dataset/<name>.yaml` names the function `load`; the module around it may have the rest.

    Settings of the yaml come to each of them by name.
    """

    def load(self, *, data_dir, seed):
        """A `vaelab.datasets.base.Dataset`: immutable numpy, uint8 kept as uint8; DataError where files are missing."""

    FOLDER: str | None = None
    """The folder below `data_dir` that its files lie in; None: the yaml's `folders`."""
    shapes: Callable | None = None
    """shapes(**settings) -> ((H, W, C), ...), one per view, without reading data; None: known after loading."""
    listed: Callable | None = None
    """listed(*, data_dir, ...) -> `vaelab.datasets.base.Listed`: every image of a source of the user's by its file or
    row, training and test images alike, from those of the settings that act on that; None: its test images by row."""
    listed_told: Callable | None = None
    """`listed` with what is known of each image beside its pixels (class, covariates), for runs that are told of it and
    from the settings that act on that, too; None: nothing is."""
    needed: Callable | None = None
    """needed(**settings) -> entries of the files that these settings read; None: all that the yaml lists."""


class DatasetLoader(Protocol):
    """`_target_` of conf/dataset: the function of a `DatasetModule`."""

    def __call__(self, *, data_dir, seed):
        """See `DatasetModule.load`."""


class Architecture(Protocol):
    """`conf/model/<name>.yaml`: networks, complete functional Keras models when returned. Knows no dataset, no loss."""

    def encoder(self, data_shape, noise_dim=0):
        """image (B, H, W, C), or [image, noise (B, noise_dim)] where noise_dim is not 0 -> features (B, F).

        Noise is asked for by posterior=implicit alone; an architecture without a place for it raises a ConfigError.
        """

    def decoder(self, data_shape, latent_dim, likelihood_channels):
        """z (B, latent_dim) -> likelihood parameters (B, H, W, likelihood_channels), float32, without activation."""


class Prior(Protocol):
    """`conf/prior/<name>.yaml`: p(z), z (D,).

    A prior that learns is a Keras layer. The members in numpy are closed forms; where there is none, what is shown or
    measured comes from `log_prob` and from draws. Of one that has `frozen`, they are its result's.
    """

    def __init__(self, *, latent_dim): ...

    def log_prob(self, z):
        """log p(z): tensor (..., D) -> (...)."""

    def sample(self, n, rng):
        """n draws as an array (n, D); all randomness comes from the numpy generator."""

    option: str = "own"
    """The option's name."""
    trainable_variables: Sequence = ()
    """What it learns, once it is connected; Keras layers have them."""
    words: str = "p(z)"
    """The distribution in a few signs, "N(0, I)"."""
    factorised: bool = False
    """Whether p(z) = prod_d p(z_d): then a rate per latent and KL(q(z_d) || p(z_d)) mean something."""
    gaussian: bool = False
    """Whether it is N(mean, diag(std^2)) with `mean` and `std` below."""
    rate: Callable | None = None
    """rate(q) -> KL(q(z_d|x) || p(z_d)) of a diagonal Gaussian q (mean, std, log_std, each (B, D)), tensor (B, D);
    None: the rate is log q(z|x) - log p(z) at one draw."""
    draw: Callable | None = None
    """draw(n, noise, training) -> tensor (n, D) from a `compute.noise.Noise`, for critics; None: objective=avb, which
    compares with draws while it trains, is refused."""
    connect: Callable | None = None
    """connect(encode, facts, seed), once encoder and posterior stand: `encode` takes views in [0, 1] to (mean, std) of
    q(z|x), None where q is no Gaussian; facts: the `DataFacts`. It may make weights."""
    start: Callable | None = None
    """start(images, rng), before the first step: views as stored, (N, H, W, C), the condition (N, K) behind them where
    there is one, and a numpy generator."""
    start_at: Callable | None = None
    """start_at(codes (N, D), rng): first weights near codes that it is to be fitted to."""
    training_log_prob: Callable | None = None
    """training_log_prob(z, rows) -> log p(z) as it is while training, (B,): z (B, D) of the training images `rows`
    (B,); None: `log_prob`. Objectives that evaluate the density themselves are refused."""
    renew: Callable | None = None
    """renew(), with the weights of now: before the first epoch and after each."""
    frozen: Callable | None = None
    """frozen(arrays=None) -> an object with `sample` and what it has of the members in numpy, with the weights of now;
    its `arrays` {name: array} are kept in the run's prior.npz and may be handed back. A prior that learns and has none
    cannot be drawn from without the run's checkpoint."""
    exported: Callable | None = None
    """exported() -> functional model of built-in layers, noise N(0, I) (B, D) -> z, kept as prior.h5."""
    mean: object = None
    """Array (D,); None: of 10,000 draws."""
    std: object = None
    """Array (D,); None: of 10,000 draws."""
    quantiles: Callable | None = None
    """quantiles(levels (L,)) -> array (L, D) of each latent by itself; None: of 10,000 draws."""
    log_density: Callable | None = None
    """`log_prob` in numpy, float64; None: by `log_prob` in float32."""
    log_ratio: Callable | None = None
    """log_ratio(z, eps) -> log p(z) - log N(eps; 0, I), arrays (..., D) -> (...), with the constants that cancel left
    out; None: from `log_density`."""
    rate_of_moments: Callable | None = None
    """`rate` in numpy: (mean, std), each (N, D) -> (N, D) float64; None: by `rate` in float32 where there is one."""
    redraw: Callable | None = None
    """redraw(z, parts, rng): codes (n, D) with the named parts of the latents drawn anew, each level given those above,
    of a prior of several levels; None: there is one."""


class Condition(Protocol):
    """`conf/condition/<name>.yaml`: c of p(x|z, c) and q(z|x, c), what is known of an image besides its pixels.

    It says what it reads of a dataset; `vaelab.conditions.columns` makes numbers of it, which a `Split` holds as
    `given` and a structure takes as the last entry of x.
    """

    def fields(self, dataset):
        """[(name, names of choices or (), mean, std)] (`columns.Field`) of the training images; () for no condition.
        ConfigError where the dataset has nothing of the kind."""

    def values(self, dataset, split):
        """(N, number of fields): numbers of choices, or numbers; None where the split has none."""

    option: str = "own"
    """The option's name."""
    conditional: bool = True
    """Whether there is a condition at all."""
    planes: bool = False
    """Whether the encoder's images also get a constant channel for each column."""


class Posterior(Protocol):
    """`conf/posterior/<name>.yaml`, a Keras layer: features -> z and the parameters of q(z|x). It owns its heads."""

    closed_form: bool
    """Whether q(z|x) is a diagonal Gaussian: it has `parameters` (mean, std, log_std) and `log_prob`."""
    has_moments: bool
    """Whether mean and standard deviation of q(z|x) are known: it has `parameters` (mean, std)."""

    def __init__(self, *, latent_dim, seed, name): ...

    def body(self, make_encoder, data_shape):
        """The architecture's encoder as a functional model, with noise joined to it where this posterior wants it."""

    def __call__(self, features, *, training=False, samples=None):
        """features (B, F) -> (z (B, D), or (S, B, D) where `samples` is S, parameters of q or None)."""

    def exported(self, features, noise):
        """Symbolic (mean, std) where `closed_form`, else z, of built-in layers alone."""

    def layer_rows(self):
        """[(layer, type, output shape, parameters)] of the heads."""

    option: str = "own"
    """The option's name."""
    has_density: bool = False
    """Whether q(z|x), no diagonal Gaussian, has an exact density all the same: it has `parameters` and `log_prob(z, q)`
    of them for every z, (B, D) or (S, B, D); its `head_noise_dim` is D, and as `eps` it also takes (S, B, D)."""
    noise_dim: int = 0
    """Size of the noise that joins the encoder; where it is not 0, `make_noise(name)` gives its stream."""
    head_noise_dim: int = 0
    """Size of the noise that the head takes as `eps` (B, head_noise_dim)."""


class Likelihood(Protocol):
    """`conf/likelihood/<name>.yaml`, a Keras layer: p(x|z) of one view."""

    def channels(self, data_channels):
        """C', what the decoder returns per pixel."""

    def log_prob(self, x, params):
        """log p(x|z): x (B, H, W, C), params (B, H, W, C') or (S, B, H, W, C') -> (B,) or (S, B)."""

    def mean(self, params):
        """E[x|z], the shape of the data."""

    def sample(self, params, seed):
        """x ~ p(x|z), the shape of the data; seed is an integer."""

    def exported(self, params):
        """`mean` as a symbolic tensor of built-in layers alone."""

    discrete: bool = False
    """Whether it is a probability of 8-bit or binary pixels, so that bits per dimension mean something."""
    unit_interval: bool = False
    """Whether it means nothing of pixels outside [0, 1]: such data are refused."""
    least_distortion: Callable | None = None
    """least_distortion(x) -> the least -log p(x|params) that any params give, (B,); None: it is the same for all images
    or not known."""
    learned: Callable | None = None
    """learned() -> {name: value} of numbers learned beside the decoder; None: there are none."""
    misfit: Callable | None = None
    """misfit(data) -> a sentence where the data (`data_kind`, `eight_bit`) are not what it describes, else None."""


class Structure(Protocol):
    """`conf/structure/<name>.yaml`, a Keras layer: how encoders, posteriors, prior, decoders and likelihoods join."""

    latent_dim: int
    data_shapes: tuple
    """(H, W, C) of each view."""
    prior: Prior
    likelihoods: tuple
    """One `Likelihood` per view."""
    closed_form: bool
    """Whether q(z|x) is a diagonal Gaussian whose parameters and density are known."""
    has_moments: bool
    """Whether `infer` knows mean and standard deviation of q(z|x)."""
    eps_dim: int
    """Size of the noise that `draw` takes."""
    latent_parts: Mapping[str, slice]
    """Named slices of the latent vector, {"z": ...} or {"private_1": ..., "shared": ...}."""
    view_parts: Sequence[Sequence[str]]
    """For each view the names of the parts that its decoder reads."""
    posterior_name: str
    """The option of the group posterior."""

    def __init__(self, *, architecture, make_posterior, make_prior, make_likelihood, data_shapes, latent_dim): ...

    def __call__(self, x, *, training=False, samples=None):
        """Tuple of views (B, H, W, C) -> `structures.outputs.Outputs`. It may take `rows` (B,), the numbers of these
        training images, and hand them to `structures.rates.rate_of`: priors with `training_log_prob` ask for it.

        With a condition, x has it behind the views here and below, (B, condition_dim), and `decode` takes it after z.
        A structure that can be conditional takes `condition_dim` and `condition_planes` (`Condition.planes`) when it is
        made and has `condition_dim`; others are refused with a condition."""

    def infer(self, x):
        """(mean, std) of q(z|x), each (B, D), where it `has_moments`."""

    def draw(self, x, eps):
        """z ~ q(z|x), (B, D), made from eps ~ N(0, I), (B, eps_dim)."""

    def decode(self, z):
        """z (B, D) or (S, B, D) -> tuple of likelihood parameters, one per view."""

    def log_likelihood(self, x, decoded):
        """log p(x|z), views summed: (B,) or (S, B)."""

    def log_posterior(self, z, q):
        """log q(z|x): (B,) or (S, B), where `closed_form` or `has_density`."""

    def export(self, to_network, to_image):
        """(encoder, decoder, reconstruction) as functional models of built-in layers, on images in [0, 1]."""

    def layer_table(self):
        """[(network, layer, type, output shape, parameters)] of every layer."""

    condition_dim: int = 0
    """K, the size of the condition that it takes; 0 for none."""
    many_conditions: bool = False
    """Whether `__call__` also takes S conditions (S, B, K) of the same images, and makes z (S, B, D) of them."""
    levels: int = 1
    """Of latents: where there are several, each is a part, and `prior` is more than the part of the group prior, which
    is p(z) of the highest level."""
    infer_top: Callable | None = None
    """infer_top(x) -> (mean, std) of q of the latents that `make_prior` was asked for, for priors that are made of it,
    where q(z|x) of all latents is no Gaussian; None: that is none either."""
    rate_parts: Mapping[str, slice] = {}
    """{part: slice of the last axis of `Outputs.rate`}, where it tells the rate of each part."""
    rates: Callable | None = None
    """rates(x, z) -> the rate of each part of `rate_parts` at z (B, D), (B, parts)."""
    has_density: bool = False
    """Whether q(z|x), no diagonal Gaussian, has an exact density all the same: `draw` then also takes eps
    (S, B, eps_dim), eps_dim is D, and there is `log_q` below."""
    log_q: Callable | None = None
    """log_q(x, z) -> log q(z|x) of views and z (B, D) or (S, B, D): (B,) or (S, B)."""


class Objective(Protocol):
    """`conf/objective/<name>.yaml`, a Keras layer: what is minimised."""

    terms: Sequence[str]
    """The names that `losses` returns beside "loss"; each becomes a column of history.csv."""

    def __init__(self, *, structure, seed): ...

    def losses(self, x, outputs, log_likelihood, stage):
        """{"loss": scalar, <term>: scalar, ...}, means over the batch.

        x: views as the network sees them, the condition behind them where there is one; outputs: the structure's;
        log_likelihood: (B,) or (S, B); stage: beta, capacity, training, epoch.
        """

    samples: int | None = None
    """Draws of z per image and step, S; None: one, without a sample axis."""
    weighs_rate: bool = False
    """Whether beta is the whole rate's weight, so that it can be told in other conventions."""
    ranks_models_by: str | None = "loss"
    """The term of a held-out split that says which epoch is the best; None: none does."""
    reads_capacity: bool = False
    """Whether `capacity_schedule` acts."""
    in_words: Callable | None = None
    """in_words(beta) -> "loss = ...", shown when training begins; None: beta alone is told."""
    sums_conditions: bool = False
    """Whether it can do without the condition of some images, one of choices: their rows of it are zeros."""
    connect: Callable | None = None
    """connect(see), once the model stands: see(views as stored, training) -> views as the network sees them."""
    start: Callable | None = None
    """start(images), before the first step: what training sees of all training images, views as stored, (N, H, W, C),
    and the condition (N, K) behind them where there is one."""
    classify: Callable | None = None
    """classify(x) -> log q(c|x), (B, K): of views as the network sees them the chances of each choice."""
    rate: Callable | None = None
    """rate(x, z) -> its estimate of log q(z|x) - log p(z), (B,), where q(z|x) has no density; None: there is none."""
    critic_steps: int = 1
    """Steps of a critic before each one of encoder and decoder; above 1 it has `critic_loss` and `critic_variables`."""
    critic_learning_rate: float | None = None
    """A learning rate of the critic's own; None: the trainer's."""
    critic_beta_1: float | None = None
    """Adam's beta_1 of the critic's own; None: the trainer's."""


class Schedule(Protocol):
    """`conf/<...>_schedule/<name>.yaml`: a factor over the training."""

    def __call__(self, progress):
        """progress in [0, 1], number or tensor -> factor."""

    in_epochs: bool = False
    """Whether it is handed how many epochs have begun (1 in the first) in place of the progress."""


class Metric(Protocol):
    """`conf/metric/<name>.yaml`, a function: {name: `vaelab.metrics.score.Score`} of a `View`.

    Settings of the yaml come by name; with a setting `split` its keys are told of that split. ConfigError for settings
    that cannot be, NotApplicable where the run is not of the kind it measures.
    """

    def __call__(self, view): ...

    needs: Callable | None = None
    """needs(view, **settings): raises what the metric would raise, from what is known before training; None: it always
    applies."""


class Plot(Protocol):
    """`conf/plot/<name>.yaml`, a function: a matplotlib Figure (or `vaelab.plots.animation.Animation`) of a `View`.

    It is saved as `plots.dpi`, `plots.format` and `plots.width` say; `vaelab.plots.style.layout` tells the inches and
    pixels per inch that are asked for.
    """

    def __call__(self, view): ...

    needs: Callable | None = None
    """As a metric's."""
    reads_frames: bool = False
    """Whether training must keep frames for it, every `every` epochs (a setting it then has)."""
    before_training: bool = False
    """Whether it is drawn before the first step: of settings, not of weights."""


class ImageScore(Protocol):
    """`conf/score/<name>.yaml`, a function: of a `View` the function that scores images by how strange they are to it.

    What it returns takes a `Seen` and gives (N,), one finite number per image, which depends on no other image.
    Settings of the yaml come by name. NotApplicable where the run is not of the kind it works on.
    """

    def __call__(self, view): ...

    needs: Callable | None = None
    """As a metric's."""
    larger_is_stranger: bool = True
    """Whether strange images score high."""
    estimates_log_p: bool = False
    """Whether it is an estimate or a bound of log p(x), or of -log p(x) where strange images score high, in nats."""


class PriorView(Protocol):
    """p(z) of a run in numpy. It holds for every `Prior`: what has no closed form comes from draws."""

    words: str
    """ "N(0, I)"."""
    option: str
    factorised: bool
    gaussian: bool
    """Whether it is N(mean, diag(std^2))."""
    mean: object
    """(D,)."""
    std: object
    """(D,)."""

    def quantiles(self, levels):
        """(L,) -> (L, D), of each latent by itself."""

    def log_ratio(self, z, eps):
        """log p(z) - log N(eps; 0, I), (..., D) -> (...)."""

    def rate_of_moments(self, mean, std):
        """KL(N(mean_d, std_d^2) || p(z_d)), (N, D) -> (N, D); None where it has no closed form."""

    redraw: Callable | None = None
    """As a prior's."""


class View(Protocol):
    """A trained model and its data in numpy: all that metrics, pictures and the explorer read."""

    name: str
    """For titles."""
    seed: int
    latent_dim: int
    parts: Mapping[str, slice]
    """Named slices of the latent vector; one, "z", where the structure has no parts."""
    n_views: int
    data_shapes: tuple
    """(H, W, C) of each view."""
    data_kind: str
    """grey, rgb, threshold, static, dynamic, binary, standardised or real."""
    class_names: tuple
    tag_names: tuple
    factor_names: tuple
    factor_sizes: tuple
    enumerated: bool
    """Whether the data are a complete set, training and test images alike."""
    discrete: bool
    """Whether p(x|z) is a probability of the stored data."""
    closed_form: bool
    """Whether q(z|x) is a diagonal Gaussian: mean and std of a split are its parameters."""
    has_density: bool
    """Whether `log_q` is known: q(z|x) is a diagonal Gaussian or a flow."""
    eps_dim: int
    """Size of the noise that `push` takes, D where it `has_density`."""
    moment_draws: int | None
    """Draws behind mean and std of q(z|x); None where they are known."""
    learned: Mapping[str, float]
    """Numbers the likelihood learned beside the decoder."""
    history: Mapping[str, Sequence]
    """{column: value of each epoch, None where it has none}."""
    weights_epoch: int | None
    """The epoch whose weights these are; None while it is being trained."""
    schedules: Mapping
    """{"beta": (epochs, values), "learning_rate": ..., "capacity": ...}; {} where they are not known."""
    layers: Sequence
    """(network, layer, type, output shape, parameters) of every layer."""
    prior: PriorView
    condition: object
    """`vaelab.conditions.columns.Columns`: what c of p(x|z, c), q(z|x, c) is; None where there is none. `inputs` below
    are views with c behind them, `given` is () or (c,), c (N, K)."""

    classify: Callable | None = None
    """classify(images) -> chances of each choice of the condition, (N, K) float32, of a run that learns to tell it from
    the image; None: it does not."""
    own: "View | None" = None
    """The view of the run's own dataset, where this one is of other images (`on=`)."""

    def frames(self):
        """[(epoch, arrays)] kept during training."""

    def split(self, name):
        """The `SplitView` "train", "validation" or "test"; DataError where there is none."""

    def foreign(self, name, *, resize):
        """Test images of the dataset of that option, prepared as the run's own: views as stored, (N, H, W, C), c behind
        them; with `resize` those of another size made to fit."""

    def rng(self, key, *more):
        """A fresh numpy generator of the stream "plots" or "metrics"."""

    def sample_prior(self, n, rng):
        """z ~ p(z), (n, D) float64."""

    def sample_given(self, n, rng):
        """Conditions of n training images drawn at random, ((n, K),); () where there is none."""

    def log_prior(self, z):
        """log p(z), (..., D) -> (...)."""

    def encode(self, inputs):
        """(mean, std) of q(z|x), each (N, D)."""

    def sample_posterior(self, inputs, n, rng):
        """z ~ q(z|x), (n, N, D)."""

    def see(self, inputs):
        """The `Seen` of images (views as stored, (N, H, W, C), c behind them), of this split or of anywhere."""

    def posterior_samples(self, split, n, rows=slice(None)):
        """The same of rows of a split, from a stream of these rows' own."""

    def log_q(self, inputs, z):
        """log q(z|x): z (N, D) -> (N,), z (S, N, D) -> (S, N); None where it is not known."""

    def push(self, inputs, eps):
        """(z, log q(z|x)) of noise eps, (S, N, eps_dim) -> (S, N, D), (S, N): z ~ q(z|x) where eps ~ N(0, I). Without
        `has_density` the second is None."""

    def decode(self, z, *given):
        """z (N, D) -> E[x|z] per view, (N, H, W, C). NotApplicable where the run has a condition and none is given."""

    def simulate(self, z, rng, *given):
        """x ~ p(x|z) per view, (N, H, W, C)."""

    def log_prob(self, inputs, z):
        """log p(x|z), views summed: z (N, D) -> (N,), z (S, N, D) -> (S, N)."""

    def likelihood_model(self):
        """Functional Keras model [z [, condition], images] -> [E[x|z] of each view, log p(x|z)]."""

    def least_distortion(self, inputs):
        """The least -log p(x|z) that any decoder could give, views summed, (N,); None where it is not known."""

    def grad_log_joint(self, inputs, z):
        """log p(x|z) + log p(z), (N,), and its gradient in z, (N, D)."""


class SplitView(Protocol):
    """One split of a `View`; it has a length. Per-image terms are at `z`, in nats."""

    name: str
    x: tuple
    """Views as stored, (N, H, W, C)."""
    y: object
    """Class numbers (N,), or None."""
    factors: object
    """(N, number of factors), or None."""
    tags: object
    """(N, V), or None."""
    masks: object
    """Which pixels of an image are not as they should be, (N, H, W, 1) uint8 from 0 to 255, or None."""
    mean: object
    """E[z|x] under q, (N, D)."""
    std: object
    """Standard deviation of q(z|x), (N, D)."""
    z: object
    """One draw z ~ q(z|x) per image, (N, D)."""
    distortion: object
    """-log p(x|z), (N,)."""
    rate: object
    """KL(q(z|x) || p(z)), (N,): in closed form, or log q(z|x) - log p(z); where q has no density the objective's
    estimate; None where there is none."""
    rate_per_latent: object
    """KL(q(z_d|x) || p(z_d)), (N, D); None where it has no closed form."""
    rate_per_part: Mapping | None = None
    """{part: its rate at `z`, (N,)}, which sum to the rate, of latents in several levels; None: it is not told."""

    def __len__(self): ...

    def images(self, rows=slice(None)):
        """Views in [0, 1], float32, before standardisation."""

    def given(self, rows=slice(None)):
        """The condition of the images, ((N, K),); () where there is none."""

    def inputs(self, rows=slice(None)):
        """What the model's functions take: `images` and `given`."""

    def sample_posterior(self, n, rng, rows=slice(None)):
        """z ~ q(z|x), (n, N, D)."""


class Seen(Protocol):
    """Images as a `View` sees them, each by itself: the noise of draw s is the same for all. It has a length."""

    images: tuple
    """Views in [0, 1], float32, (N, H, W, C)."""
    mean: object
    """E[z|x] under q, (N, D)."""
    std: object
    """Standard deviation of q(z|x), (N, D)."""

    def distortion(self, samples):
        """-E_q log p(x|z), (N,)."""

    def rate(self, samples):
        """KL(q(z|x) || p(z)), (N,); None where q(z|x) has no density."""

    def elbo(self, samples):
        """-(distortion + rate), (N,), where there is a rate."""

    def log_p(self, samples):
        """log p(x) by importance sampling from q(z|x), (N,), where it has a density."""

    def least_distortion(self):
        """As `View.least_distortion`."""

    def grad_log_joint(self, z):
        """As `View.grad_log_joint`."""

    def __len__(self): ...


BY_GROUP = {
    "dataset": DatasetLoader,
    "model": Architecture,
    "prior": Prior,
    "condition": Condition,
    "posterior": Posterior,
    "likelihood": Likelihood,
    "structure": Structure,
    "objective": Objective,
    "beta_schedule": Schedule,
    "capacity_schedule": Schedule,
    "learning_rate_schedule": Schedule,
    "metric": Metric,
    "plot": Plot,
    "score": ImageScore,
}
FUNCTIONS = {DatasetLoader, Metric, Plot, ImageScore}
"""Contracts of plain functions: what a `_target_` names is the part itself, not what makes it."""


def optional(part, contract, name: str):
    """What a part has under a name that its contract leaves open; the contract's value where it has none."""
    return getattr(part, name, vars(contract)[name])


def has_density(part, contract) -> bool:
    """Whether the density of a posterior or structure is known: that of a diagonal Gaussian, or as it says."""
    return part.closed_form or optional(part, contract, "has_density")


def misfit_of(likelihood, data) -> str | None:
    """A sentence where data are not what a likelihood describes, else None."""
    tell = optional(likelihood, Likelihood, "misfit")
    return tell and tell(data)


def members(contract) -> tuple[dict[str, Callable], list[str], dict[str, object]]:
    """(methods and members without a value, which a part must have; members with a value, which it may have)."""
    own, named = vars(contract), inspect.get_annotations(contract)
    methods = {k: v for k, v in own.items() if inspect.isfunction(v) and v.__module__ == __name__}
    return methods, [k for k in named if k not in own], {k: own[k] for k in named if k in own}


def check(part, contract, where: str):
    """The part, if it is what its contract says.

    Args:
        part: a part, or a class or function that makes them (then as far as it shows by itself).
        contract: one of this file.
        where: the part's name, for the message.

    Raises:
        ConfigError: it lacks a member, or a method does not take what it is called with.
    """
    methods, attributes, _ = members(contract)
    told = f"the contract {contract.__name__} in vaelab/contracts.py"
    if inspect.isfunction(part):  # of those that make a part, what they return is checked later
        wanted = methods.get("__call__" if contract in FUNCTIONS else "__init__")
        if wanted is not None:
            _takes(part, wanted, where, told, settings=True)
        return part
    is_class = inspect.isclass(part)
    kind = part if is_class else type(part)
    lacking = [name for name in methods if name != "__init__" and not callable(_method(part, name))]
    if not is_class:  # the constructor may make them
        lacking += [name for name in attributes if not hasattr(part, name)]
    if lacking:
        raise ConfigError(f"{where}: {kind.__name__} has no {' and no '.join(lacking)}, which {told} asks for.")
    for name, wanted in methods.items():
        if name != "__init__":
            _takes(_method(part, name), wanted, f"{where}: {kind.__name__}.{name}", told)
        elif is_class:
            _takes(_method(part, name), wanted, f"{where}: {kind.__name__}", told, settings=True)
    return part


def takes(part, method: str, argument: str) -> bool:
    """Whether a part's method takes an argument that its contract leaves open."""
    parameters = inspect.signature(_method(part, method)).parameters
    return argument in parameters or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def _method(part, name: str) -> Any:
    """A method without its `self`; of a Keras layer's `__call__`, the `call` that it hands everything to."""
    kind = part if inspect.isclass(part) else type(part)
    if name == "__call__" and hasattr(kind, "call"):
        name = "call"
    if not inspect.isclass(part):
        return getattr(part, name, None)
    found = next((vars(k)[name] for k in kind.__mro__ if name in vars(k)), None)  # never the metaclass's
    if isinstance(found, staticmethod | classmethod):
        return found.__get__(None, kind)
    return functools.partial(found, None) if inspect.isfunction(found) else found


def _takes(function, wanted, where: str, told: str, *, settings: bool = False) -> None:
    """ConfigError where a function cannot be called as the contract's is.

    Args:
        settings: whether those of the yaml come beside, by name.
    """
    if not inspect.isroutine(function) and not isinstance(function, functools.partial):
        return  # an object that is called: its own affair
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # written in C
        return
    p = inspect.Parameter
    asked = list(inspect.signature(wanted).parameters.values())[1:]  # without self
    by_position = [a for a in asked if a.kind is p.POSITIONAL_OR_KEYWORD]
    by_name = [a.name for a in asked if a.kind is p.KEYWORD_ONLY]
    places = [a for a in parameters if a.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    kinds, names = {a.kind for a in parameters}, {a.name for a in parameters if a.kind is not p.POSITIONAL_ONLY}
    missing = [] if p.VAR_POSITIONAL in kinds else [a.name for a in by_position[len(places) :]]
    missing += [] if p.VAR_KEYWORD in kinds else [name for name in by_name if name not in names]
    call = str(inspect.Signature(asked))
    if missing:
        has = inspect.Signature(parameters)
        raise ConfigError(f"{where}{has} does not take {' and '.join(missing)}; {told} calls it with {call}.")
    given = {a.name for a in places[: len(by_position)]} | set(by_name)
    open_ended = (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    strange = [a.name for a in parameters if a.kind not in open_ended and a.default is p.empty and a.name not in given]
    if strange and not settings:
        raise ConfigError(f"{where} asks for {' and '.join(strange)}; {told} calls it with {call} alone.")
