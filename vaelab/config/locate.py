"""Where the configuration groups lie: `conf/` of the checkout, or `vaelab/conf` in an installed wheel."""

from functools import cache
from pathlib import Path

import yaml

from vaelab.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent
# Folders given with --config-dir; the search-path plugin puts them before vaelab's own.
USER_DIRS: list[Path] = []


def own_roots() -> list[Path]:
    """Where a trusted package of the user's may lie besides Python's own path: the current folder, --config-dir's."""
    return list(dict.fromkeys([Path.cwd(), *USER_DIRS]))


def typed_dirs() -> list[str]:
    """The words that give another process the same folders."""
    return [f"--config-dir={folder}" for folder in USER_DIRS]


@cache
def conf_dir() -> Path:
    """Absolute path of the built-in configuration."""
    for candidate in (PACKAGE / "conf", PACKAGE.parent / "conf"):
        if (candidate / "train.yaml").is_file():
            return candidate
    raise ConfigError(f"vaelab's own configuration is missing: expected it in {PACKAGE / 'conf'}. Reinstall vaelab.")


def options(group: str, extra_dirs=()) -> list[str]:
    """Names of the options of a group, the user's --config-dir folders included."""
    found = set()
    for base in (*extra_dirs, conf_dir()):
        found |= {p.stem for p in (Path(base) / group).glob("*.yaml")}
    return sorted(found)


@cache
def usual(group: str) -> tuple[str, ...]:
    """The options of a group that conf/train.yaml chooses for a run that asks for none."""
    content = yaml.safe_load((conf_dir() / "train.yaml").read_text(encoding="utf-8"))
    chosen = next(entry[group] for entry in content["defaults"] if isinstance(entry, dict) and group in entry)
    return tuple(chosen) if isinstance(chosen, list) else (chosen,)


def groups(extra_dirs=()) -> list[str]:
    """Names of the groups a user may choose from (folders of `conf/`, shared pieces in `base` left out)."""
    found = set()
    for base in (*extra_dirs, conf_dir()):
        found |= {p.name for p in Path(base).iterdir() if p.is_dir() and any(p.glob("*.yaml"))}
    return sorted(found - {"base"})


def option_file(group: str, option: str, extra_dirs=()) -> Path | None:
    """The yaml of an option, None where there is none; the user's folders win over the built-in one."""
    if not isinstance(option, str) or Path(option).name != option:  # a run's record names options, too
        return None
    for base in (*extra_dirs, conf_dir()):
        path = Path(base) / group / f"{option}.yaml"
        if path.is_file():
            return path
    return None
