"""`vaelab report sweep=S`: what a sweep says as a whole, written into its folder and logged to its own MLflow run."""

from vaelab.errors import ConfigError
from vaelab.records.sweep_folder import find_sweep
from vaelab.records.tracking import finish_sweep
from vaelab.report.write import write
from vaelab.system import paths
from vaelab.system.streams import output


def run(cfg) -> None:
    """Writes report.html, report.csv and report/*.png anew and prints the page's path."""
    if not cfg.of.sweep:
        raise ConfigError("sweep: expected a sweep's folder or name, or 'latest'.")
    sweep = find_sweep(str(cfg.of.sweep), cfg.output_dir)
    paths.output_folder("the sweep's report", sweep.path / "report")
    numbers = write(sweep)
    if sweep.record().get("mlflow"):
        finish_sweep(sweep, None, numbers, cfg.tracking.uri, cfg.output_dir)
    for file in (sweep.html_file, sweep.csv_file):
        output(f"{sweep}/{file.name}")
