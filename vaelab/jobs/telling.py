"""What a training says of itself: its title, its loss in words, the table at the end, and what to try next."""

import math

from vaelab.config import words
from vaelab.contracts import Objective, optional
from vaelab.jobs import results
from vaelab.jobs.phases import Phases
from vaelab.system.printing import counted


def title(cfg, folder, latent_dim: int) -> str:
    """What pictures are titled with: the run's name, else dataset, model, latents and beta."""
    chosen = folder.status().get("chosen") or {}
    kind = "-".join(chosen[group] for group in ("dataset", "model", "objective") if chosen.get(group))
    latents = counted(latent_dim, "latent")
    return cfg["run_name"] or f"{kind or folder.path.parent.name}, {latents}, beta {cfg['beta']:g}"


def beta_in_words(cfg, shapes, vae) -> tuple[str, str | None]:
    """(the loss with this beta, the weight in other conventions people use where beta weighs the rate)."""
    pixels, latent_dim = sum(math.prod(s) for s in shapes), vae.structure.latent_dim
    beta, objective = cfg["beta"], vae.objective
    in_words = optional(objective, Objective, "in_words")
    if in_words is None:  # one of the user's own
        return f"beta {beta:g}.", None
    loss = f"beta {beta:g}: {in_words(beta)}, nats per image."
    if not optional(objective, Objective, "weighs_rate"):
        return loss, None
    elsewhere = (
        f"This beta elsewhere: {beta / pixels:.3g} beside a loss averaged over the {pixels} pixels "
        f"({beta * latent_dim / (2 * pixels):.3g} if mean^2 + var - 1 - log var is averaged over latents too); "
        f"{beta * latent_dim / pixels:.3g} normalised (beta latents / pixels)"
    )
    if cfg["likelihood"]["_target_"].endswith("Gaussian") and cfg["likelihood"].get("learned") == "none":
        elsewhere += f"; {2 * cfg['likelihood']['variance'] * beta:g} beside a summed squared error"
    return loss, f"{elsewhere}."


def summary(scores, folder, phases: Phases, seconds) -> str:
    """The short table at the end and a few things to try next."""
    run, status = words.setting("run", folder), folder.status()
    overrides = status.get("overrides") or []
    own = words.of_own_parts(overrides)
    known = folder.read_condition()
    firsts = [f[1][0] if f[1] else "0" for f in known["fields"]] if known else []
    typed = [words.setting("condition", int(c) if c.isdecimal() else c) for c in firsts]
    following = [
        ["plot", run, "plot=[samples]" if known else "plot=[traversal]", *own],
        *([] if known else [["explore", run, *own]]),
        *([["generate", run, *typed, "n=16", *own]] if len(typed) == 1 else []),
        ["train", "-m", *next_sweep(status.get("chosen") or {}, overrides)],
    ]
    return "\n".join(
        [
            "",
            results.table(scores),
            f"  {phases.in_words()}; {seconds:.0f} s in all",
            "",
            f"run folder: {folder}  (models, figures/, metrics.json, codes.npz)",
            "next:",
            *(f"  {words.program()} {words.pasteable(*line)}" for line in following),
        ]
    )


def next_sweep(chosen: dict, overrides) -> list[str]:
    """Words of a sweep over what may be swept in a run of these options; all else is as it was typed.

    Args:
        chosen: {group: option}.
        overrides: words of the run's own command line.
    """
    swept = ["seed=0,1,2" if chosen.get("objective") == "capacity" else "beta=0.5,1,4"]
    if chosen.get("structure", "single") == "single":  # others have sizes of their own
        swept.append("latent_dim=2,10")
    left_out = {"run_name", "sweep_name", *map(words.key, swept)}
    typed = [w for w in overrides if words.key(w) not in left_out and not words.key(w).startswith("hydra")]
    usual = {"structure": "single", "condition": "none", "posterior": "gaussian", "likelihood": "bernoulli"}
    usual["objective"] = "vae"
    if chosen.get("experiment"):
        named = {"experiment": chosen["experiment"]}
    else:
        named = {g: chosen[g] for g in ("dataset", "model") if g in chosen}
        named |= {g: chosen[g] for g, common in usual.items() if chosen.get(g, common) != common}
    known = set(map(words.key, typed))
    return [*(f"{group}={option}" for group, option in named.items() if group not in known), *typed, *swept]
