"""The page of `vaelab COMMAND --help`: groups with their options, then every setting with its default."""

import textwrap

from vaelab.config import compose, locate, schema
from vaelab.config.commands import COMMANDS, VERBS
from vaelab.config.plain import without_hydra


def page(command: str) -> str:
    """Text of the page; composing the defaults is all it costs."""
    lines = [f"vaelab {command}: {COMMANDS[command]}", ""]
    primary = locate.conf_dir() / f"{command}.yaml"
    if command in VERBS:
        lines += [f"usage: vaelab {command} {'|'.join(VERBS[command])} [key=value ...]", ""]
    if not primary.is_file():
        return "\n".join(lines)
    from omegaconf import OmegaConf

    with compose._hydra():
        from hydra import compose as hydra_compose

        full = hydra_compose(command, return_hydra_config=True)
    chosen = {*full.hydra.runtime.choices, *(g for g, node in schema.MULTI.items() if node in full)}
    chosen = [g for g in locate.groups() if g in chosen]
    if chosen:
        lines += ["Groups (group=option; several options as group=[a,b] for metric, plot and score):"]
        width = max(map(len, chosen))
        for group in chosen:
            names = ", ".join(locate.options(group))
            indent = " " * (width + 4)
            lines.append(textwrap.fill(names, 110, initial_indent=f"  {group:<{width}}  ", subsequent_indent=indent))
        lines.append("")
    lines += ["Settings and their defaults (key.subkey=value):", ""]
    shown = OmegaConf.to_yaml(without_hydra(full)).replace("'on':", "on:")  # which yaml 1.1 reads as true
    lines += [line for line in shown.splitlines() if "_target_:" not in line]
    if command == "train":
        lines += [
            "",
            "-m: one job per comma-separated value. --config-dir DIR: your own options, which win over these.",
            "--cfg job: the composed configuration. --info defaults: where each value comes from.",
        ]
    return "\n".join(lines)
