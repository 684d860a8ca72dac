"""Parts from a configuration: the only place where the axes meet."""

from vaelab import contracts
from vaelab.config import trust
from vaelab.contracts import Objective, optional
from vaelab.errors import ConfigError
from vaelab.system import memory

SMALLER = "Choose fewer latents, a smaller model or smaller images."


def part(cfg, group: str, **runtime):
    """Calls the `_target_` of a configuration's group with its settings and runtime facts.

    Raises:
        ConfigError: the target is no part of this group, or does not keep its contract.
    """
    node = cfg[group]
    settings = {k: v for k, v in node.items() if not (k.startswith("_") and k.endswith("_"))}
    made = trust.load(node["_target_"], group, cfg.get("trusted") or ())(**settings, **runtime)
    contract = contracts.BY_GROUP[group]
    return made if contract in contracts.FUNCTIONS else contracts.check(made, contract, node["_target_"])


@memory.weights_fit(SMALLER)
def build(cfg, *, data_shapes, binarize, standardize, total_steps=1, precision="float32"):
    """The complete model; every weight exists on return.

    Args:
        cfg: resolved configuration as plain containers.
        data_shapes: (H, W, C) of each view.
        binarize, standardize: as the dataset was prepared.
        total_steps: training steps the schedules span.
        precision: float32 | bfloat16 (compute only; heads, sampling and likelihoods stay float32).

    Raises:
        ConfigError: parts that do not go together, or weights that do not fit into memory.
    """
    import keras

    from vaelab.compute import seeds
    from vaelab.schedules.constant import Constant
    from vaelab.training import optimizers
    from vaelab.training.preprocessing import Preprocessing
    from vaelab.training.vae import VAEModel

    seed = cfg["seed"]
    keras.utils.set_random_seed(seeds.sub_seed(seed, "init"))
    saved = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        structure = part(
            cfg,
            "structure",
            architecture=part(cfg, "model"),
            make_posterior=lambda dim, name: part(cfg, "posterior", latent_dim=dim, seed=seed, name=name),
            make_prior=lambda dim: part(cfg, "prior", latent_dim=dim),
            make_likelihood=lambda: part(cfg, "likelihood"),
            data_shapes=data_shapes,
            latent_dim=cfg["latent_dim"],
        )
        objective = part(cfg, "objective", structure=structure, seed=seed)
        optimizers.check_critic(cfg["trainer"], objective)
        capacity_schedule = part(cfg, "capacity_schedule")
        if not isinstance(capacity_schedule, Constant) and not optional(objective, Objective, "reads_capacity"):
            raise ConfigError(
                f"capacity_schedule acts on objective=capacity only; this one is {type(objective).__name__}. "
                "Leave capacity_schedule=constant, or schedule beta with beta_schedule."
            )
        model = VAEModel
        if optional(objective, Objective, "critic_steps") > 1:
            from vaelab.training.alternating import AlternatingVAE as model
        return model(
            preprocessing=Preprocessing(dynamic=binarize == "dynamic", standardize=standardize, seed=seed),
            structure=structure,
            objective=objective,
            beta=cfg["beta"],
            beta_schedule=part(cfg, "beta_schedule"),
            capacity_schedule=capacity_schedule,
            total_steps=total_steps,
        )
    finally:
        keras.config.set_dtype_policy(saved)
