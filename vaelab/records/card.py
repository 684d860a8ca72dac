"""A run in a few lines of markdown: MLflow shows them as its description."""

from vaelab.records.run_folder import RunFolder
from vaelab.system.printing import plus_minus

# Headline numbers, in this order, of those that a run has.
NUMBERS = ("elbo", "elbo_critic", "distortion", "rate", "rate_critic", "active_units", "nll_ais", "knn_accuracy")


def name(status: dict, config: dict) -> str:
    """What a run is called that the user gave no name: model, beta, latents, and what is not usual besides."""
    chosen = status.get("chosen") or {}
    words = [chosen.get("model") or "run", f"beta={config.get('beta', 1):g}", f"latents={latents(status, config)}"]
    usual = {"objective": "vae", "posterior": "gaussian", "prior": "standard", "condition": "none"}
    words += [f"{group}={chosen[group]}" for group, option in usual.items() if chosen.get(group, option) != option]
    return " ".join([*words, *([f"seed={config['seed']}"] if config.get("seed") else [])])


def latents(status: dict, config: dict):
    """How many latents; the structure may say so."""
    return status.get("latent_dim") or config.get("latent_dim")


def markdown(folder: RunFolder) -> str:
    """What it is made of, headline numbers with their errors, where it lies, how to go on."""
    status, config, metrics = folder.status(), folder.read_config(), folder.read_metrics()
    chosen = status.get("chosen") or {}
    made_of = {group: chosen.get(group) for group in ("dataset", "model", "posterior", "prior", "objective")}
    made_of |= {"beta": f"{config.get('beta', 1):g}", "latents": latents(status, config), "seed": config.get("seed")}
    made_of |= {k: f"{status[k]:,}" for k in ("epochs", "parameters") if status.get(k)}
    lines = [", ".join(f"{k} **{v}**" for k, v in made_of.items() if v is not None), ""]
    rows = [(f"test/{name}", metrics[f"test/{name}"]) for name in NUMBERS if f"test/{name}" in metrics]
    if rows:
        lines += ["| | value | ± |", "|---|---:|---:|"]
        lines += [f"| {n} | {_number(s['value'])} | {plus_minus(s, 2)} |" for n, s in rows if s["value"] is not None]
        stamps = {(s.get("n"), s.get("data")) for _, s in rows}
        of = next((f"{n:,} test images, {data}" for n, data in stamps if n), "")
        lines += ["", f"nats per image; {of}".rstrip("; "), ""]
    if status.get("message"):
        lines += [f"> {status['message']}", ""]
    return "\n".join([*lines, f"`vaelab explore run={folder}`"])


def _number(value: float) -> str:
    return f"{value:,.3f}".rstrip("0").rstrip(".")
