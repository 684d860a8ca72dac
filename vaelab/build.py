"""Parts from a configuration: the only place where the axes meet."""

from typing import TYPE_CHECKING

from vaelab.config import trust
from vaelab.config.parts import part
from vaelab.contracts import Condition, Objective, Prior, Structure, optional, takes
from vaelab.errors import ConfigError
from vaelab.system import memory

if TYPE_CHECKING:
    from vaelab.training.vae import VAEModel

SMALLER = "Choose fewer latents, a smaller model or smaller images."


@memory.weights_fit(SMALLER)
def build(cfg, facts, *, total_steps=1, steps_per_epoch=1, precision="float32") -> "VAEModel":
    """The complete model; every weight exists on return.

    Args:
        cfg: resolved configuration as plain containers.
        facts: the `DataFacts` of its data.
        total_steps: training steps the schedules span.
        steps_per_epoch: of one epoch, for schedules that count epochs.
        precision: float32 | bfloat16 (compute only; heads, sampling and likelihoods stay float32).

    Raises:
        ConfigError: parts that do not go together, or weights that do not fit into memory.
    """
    import keras

    from vaelab.compute import seeds
    from vaelab.schedules.constant import Constant
    from vaelab.training import initializers, optimizers
    from vaelab.training.preprocessing import Preprocessing
    from vaelab.training.vae import VAEModel

    seed = cfg["seed"]

    def of(group, **runtime):
        return part(cfg[group], group, trusted=cfg.get("trusted") or (), **runtime)

    given = {}
    if facts.condition_dim:
        kind = trust.load(cfg["structure"]["_target_"], "structure", cfg.get("trusted") or ())
        if not takes(kind, "__init__", "condition_dim"):
            raise ConfigError(
                f"{kind.__name__} takes no condition (`condition_dim`, see Structure in vaelab/contracts.py). Use "
                "condition=none, or structure=single or conjoint."
            )
        planes = optional(of("condition"), Condition, "planes")
        given = {"condition_dim": facts.condition_dim, "condition_planes": planes}
    keras.utils.set_random_seed(seeds.sub_seed(seed, "init"))
    saved = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        structure = of(
            "structure",
            architecture=of("model"),
            make_posterior=lambda dim, name: of("posterior", latent_dim=dim, seed=seed, name=name),
            make_prior=lambda dim: of("prior", latent_dim=dim),
            make_likelihood=lambda: of("likelihood"),
            data_shapes=facts.shapes,
            latent_dim=cfg["latent_dim"],
            **given,
        )
        reads_rows = optional(structure.prior, Prior, "training_log_prob") is not None
        if reads_rows and not takes(structure, "__call__", "rows"):
            raise ConfigError(
                f"prior={optional(structure.prior, Prior, 'option')} asks which training images it sees, and "
                f"{type(structure).__name__}.call takes no rows. Let it take rows=None and hand them to "
                "structures.rates.rate_of, or choose another prior."
            )
        initializers.apply(structure, kernel=cfg["kernel_initializer"], bias=cfg["bias_initializer"], seed=seed)
        preprocessing = Preprocessing(
            dynamic=facts.binarize == "dynamic", standardize=facts.standardize, seed=seed, n_views=len(facts.shapes)
        )
        if connect := optional(structure.prior, Prior, "connect"):
            infer = structure.infer if structure.closed_form else optional(structure, Structure, "infer_top")

            def encode(views):
                return infer(preprocessing.all_to_network(views))

            connect(encode if infer else None, facts, seed)
        objective = of("objective", structure=structure, seed=seed)
        if connect := optional(objective, Objective, "connect"):
            connect(lambda views, training: preprocessing(views, training=training))
        optimizers.check_critic(cfg["trainer"]["optimizer"], objective)
        capacity_schedule = of("capacity_schedule")
        if not isinstance(capacity_schedule, Constant) and not optional(objective, Objective, "reads_capacity"):
            raise ConfigError(
                f"capacity_schedule acts on objective=capacity only; this one is {type(objective).__name__}. "
                "Leave capacity_schedule=constant, or schedule beta with beta_schedule."
            )
        model = VAEModel
        if optional(objective, Objective, "critic_steps") > 1:
            from vaelab.training.alternating import AlternatingVAE as model
        return model(
            preprocessing=preprocessing,
            structure=structure,
            objective=objective,
            beta=cfg["beta"],
            beta_schedule=of("beta_schedule"),
            capacity_schedule=capacity_schedule,
            total_steps=total_steps,
            steps_per_epoch=steps_per_epoch,
        )
    finally:
        keras.config.set_dtype_policy(saved)


def float32_twin(vae, cfg, facts, *, twin=None):
    """The model in float32 with the weights of `vae` as they are now; `vae` itself where it computes in float32.

    Args:
        vae: built from `cfg` and `facts`, in any precision.
        twin: what an earlier call returned, to be given the weights of now.
    """
    from vaelab.training import variables

    if cfg["trainer"]["precision"] == "float32":
        return vae
    twin = build(cfg, facts) if twin is None else twin
    variables.assign(variables.of_model(twin), variables.arrays_of(variables.of_model(vae)))
    return twin
