"""What an epoch is told by: a line of a table."""

WIDTH = 80  # characters of a line, on every terminal and in every file alike


def epoch_line(epoch: str, logs: dict, seconds: float, width: int = WIDTH) -> tuple[str, str]:
    """(names, values) of an epoch in columns that stay where they are from epoch to epoch."""
    first = max(len("epoch"), 2 * len(epoch.partition("/")[2]) + 1)
    validation = terms({k.removeprefix("val_"): v for k, v in logs.items() if k.startswith("val_")})
    values = [*terms(logs).items(), *((f"val {name}", value) for name, value in list(validation.items())[:1])]
    columns = [(name, _fitting(value, wide), wide) for name, value in values for wide in [max(9, len(name))]]
    while first + sum(wide + 2 for *_, wide in columns) + 8 > width:
        del columns[-1 - bool(validation)]
    columns = [("epoch", epoch, first), *columns, ("s", f"{seconds:.1f}", 6)]
    names, shown = ("  ".join(f"{column[k]:>{column[2]}}" for column in columns) for k in (0, 1))
    return names, shown


def _fitting(value: float, wide: int) -> str:
    """A number in so many characters, with two decimals where there is room."""
    forms = (f"{value:.2f}", f"{value:.0f}", f"{value:.2g}")
    return next((text for text in forms if len(text) <= wide), forms[-1])


def terms(logs) -> dict[str, float]:
    """What is shown of an epoch, the most important first."""
    known = {k: float(v) for k, v in logs.items() if not k.startswith("val_")}
    if "rate" in known and "distortion" in known:
        return {
            "elbo": -(known["distortion"] + known["rate"]),
            "distortion": known["distortion"],
            "rate": known["rate"],
        }
    return known
