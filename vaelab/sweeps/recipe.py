"""`sweep=<name>` and `cluster=<name>` on the command line of `vaelab train`, put into Hydra's own words."""

import yaml

from vaelab.config import locate
from vaelab.config.compose import about_file
from vaelab.config.nearest import nearest
from vaelab.config.typed import quoted
from vaelab.errors import ConfigError


def expand(options: list[str], overrides: list[str]) -> tuple[list[str], list[str]]:
    """(options, overrides) with conf/sweep/<name>.yaml written out and the launcher chosen.

    A list in a sweep's yaml is one job per entry, anything else is set for all jobs; what the user types besides wins.

    Raises:
        ConfigError: there is no such sweep or cluster.
    """
    options, overrides = list(options), list(overrides)
    if name := _take("sweep", overrides):
        typed = {o.lstrip("+~").partition("=")[0] for o in overrides}
        recipe = {"sweep_name": name, **read(name)}
        try:
            overrides = [*(f"{k}={_word(v)}" for k, v in recipe.items() if k not in typed), *overrides]
        except RecursionError:
            raise ConfigError(f"sweep={name}: one of its lists is nested too deeply.") from None
        if not {"-m", "--multirun"} & set(options):
            options.append("-m")
    if name := _take("cluster", overrides):
        known = sorted(p.stem for p in (locate.conf_dir() / "hydra" / "launcher").glob("*.yaml"))
        if name not in known:
            raise ConfigError(f"cluster={name}: there is no such cluster. {nearest(name, known)}")
        overrides.append(f"hydra/launcher={name}")
    return options, overrides


def check_launcher(overrides: list[str]) -> None:
    """ConfigError for a setting hydra.launcher does not have, before anything is composed."""
    chosen = [o.partition("=")[2] for o in overrides if o.startswith("hydra/launcher=")]
    path = locate.conf_dir() / "hydra" / "launcher" / f"{chosen[-1] if chosen else 'local'}.yaml"
    if not path.is_file():  # somebody else's launcher
        return
    known = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = [*(k for k in known if k != "_target_"), *(f"settings.{k}" for k in known["settings"])]
    for override in overrides:
        key = override.partition("=")[0].removeprefix("hydra.launcher.")
        inside_free = key.startswith("settings.more")
        if override.startswith("hydra.launcher.") and key not in names and not inside_free:
            raise ConfigError(f"hydra.launcher.{key} is not a setting. {nearest(key, names)}")


def read(name: str) -> dict:
    """The settings of conf/sweep/<name>.yaml; the user's own folders win.

    Raises:
        ConfigError: missing, or no mapping.
    """
    path = locate.option_file("sweep", name)
    if path is None:
        known = locate.options("sweep")
        raise ConfigError(f"sweep={name}: there is no such sweep in conf/sweep. {nearest(name, known)}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, ValueError, RecursionError) as error:
        raise ConfigError(about_file(path, error)) from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected settings (key: value, or key: [values]), got {quoted(content)}.")
    return content


def _take(key: str, overrides: list[str]) -> str | None:
    """The value of `key=value`, taken out of the overrides; the last one counts."""
    found = [o for o in overrides if o.startswith(f"{key}=")]
    for override in found:
        overrides.remove(override)
    return found[-1].partition("=")[2] if found else None


def _word(value) -> str:
    """A yaml value as Hydra's command line wants it."""
    if isinstance(value, list):
        return ",".join(map(_word, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
