"""Where the configuration groups lie: the user's folders, then `conf/` of the checkout or `vaelab/conf` in a wheel."""

from collections.abc import Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from vaelab.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent
_user_dirs: ContextVar[tuple[Path, ...]] = ContextVar("user_dirs", default=())


@contextmanager
def config_dirs(given: str | Path | Iterable[str | Path]):
    """Within it the options in these folders are found, too, and win over those outside it and over vaelab's own.

    Args:
        given: one folder or several.

    Raises:
        ConfigError: one of them is no folder.
    """
    folders = [given] if isinstance(given, str | Path) else list(given)
    paths = [Path(folder).expanduser().resolve() for folder in folders]
    for folder, path in zip(folders, paths):
        if not path.is_dir():
            raise ConfigError(f"--config-dir: expected a folder, got {folder}, which is not there.")
    token = _user_dirs.set(tuple(dict.fromkeys((*paths, *_user_dirs.get()))))
    try:
        yield
    finally:
        _user_dirs.reset(token)


def user_dirs() -> tuple[Path, ...]:
    """The folders of `config_dirs`, the one that wins first."""
    return _user_dirs.get()


def own_roots() -> list[Path]:
    """Where a trusted package of the user's may lie besides Python's own path: the current folder, --config-dir's."""
    return list(dict.fromkeys([Path.cwd(), *user_dirs()]))


def typed_dirs() -> list[str]:
    """The words that give another process the same folders."""
    return [f"--config-dir={folder}" for folder in user_dirs()]


def searched() -> tuple[Path, ...]:
    """Every folder with options, the one that wins first."""
    return (*user_dirs(), conf_dir())


@cache
def conf_dir() -> Path:
    """Absolute path of the built-in configuration."""
    for candidate in (PACKAGE / "conf", PACKAGE.parent / "conf"):
        if (candidate / "train.yaml").is_file():
            return candidate
    raise ConfigError(f"vaelab's own configuration is missing: expected it in {PACKAGE / 'conf'}. Reinstall vaelab.")


def options(group: str) -> list[str]:
    """Names of the options of a group."""
    found = set()
    for base in searched():
        found |= {p.stem for p in (base / group).glob("*.yaml")}
    return sorted(found)


@cache
def usual(group: str) -> tuple[str, ...]:
    """The options of a group that conf/train.yaml chooses for a run that asks for none."""
    import yaml

    content = yaml.safe_load((conf_dir() / "train.yaml").read_text(encoding="utf-8"))
    chosen = next(entry[group] for entry in content["defaults"] if isinstance(entry, dict) and group in entry)
    return tuple(chosen) if isinstance(chosen, list) else (chosen,)


def groups() -> list[str]:
    """Names of the groups a user may choose from (folders of `conf/`, shared pieces in `base` left out)."""
    found = set()
    for base in searched():
        found |= {p.name for p in base.iterdir() if p.is_dir() and any(p.glob("*.yaml"))}
    return sorted(found - {"base"})


def option_file(group: str, option: str) -> Path | None:
    """The yaml of an option, None where there is none."""
    if not isinstance(option, str) or Path(option).name != option:  # a run's record names options, too
        return None
    for base in searched():
        path = base / group / f"{option}.yaml"
        if path.is_file():
            return path
    return None
