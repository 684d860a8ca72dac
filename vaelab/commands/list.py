"""`vaelab list [GROUP]`: the options of a group, with what each is, its paper and its cost: the comments of conf/."""

from vaelab.config import comments, locate
from vaelab.config.nearest import nearest
from vaelab.errors import ConfigError
from vaelab.system import tables
from vaelab.system.streams import document, output


def run(cfg) -> None:
    """Prints a line per option, or a line per group; as json: {"groups": [{"group", "options": [...]}]}."""
    if cfg.group is not None and cfg.group not in locate.groups():
        raise ConfigError(f"list: there is no group '{cfg.group}'. {nearest(cfg.group, locate.groups())}")
    groups = locate.groups() if cfg.group is None else [cfg.group]
    document(groups=[{"group": group, "options": list(map(_facts, _files(group)))} for group in groups])
    if cfg.group is None:
        output(tables.entries((group, ", ".join(locate.options(group))) for group in groups))
        output("\nvaelab list GROUP: what each is. vaelab train GROUP=OPTION --help: its settings.")
    else:
        output(tables.entries((path.stem, said(comments.head(path))) for path in _files(cfg.group)))


def said(head: comments.Head) -> str:
    """An option in a line: sentence [paper] cost."""
    paper, cost = f"[{head.paper}]" if head.paper else "", f"Cost: {head.cost}." if head.cost else ""
    return " ".join(filter(None, (head.sentence, paper, cost)))


def _files(group: str) -> list:
    return [path for option in locate.options(group) if (path := locate.option_file(group, option))]


def _facts(path) -> dict:
    """What `--json` has of an option."""
    head, own = comments.head(path), not path.is_relative_to(locate.conf_dir())
    return {"name": path.stem, "sentence": head.sentence, "paper": head.paper, "cost": head.cost, "own": own}
