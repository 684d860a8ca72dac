"""The commands, in the order of the help page."""

COMMANDS = {
    "train": "train a VAE; -m makes it a sweep over comma-separated values",
    "evaluate": "numbers of a finished run:       run=R metric=[elbo,nll]",
    "plot": "pictures of a finished run:      run=R plot=[tsne,interpolation]",
    "score": "how strange each image is:       run=R on=image_folder on.path=F",
    "generate": "decode typed coordinates:        run=R z=[0.5,-1.2], or n=16",
    "fit-prior": "another prior for its codes:     run=R prior=mixture",
    "compare": "what differs between runs:       run=[R1,R2], image by image",
    "report": "a sweep as a whole:              sweep=S",
    "reproduce": "judge a recipe: experiment=E; repeat a run byte for byte: run=R",
    "resume": "go on with a stopped run:        run=R trainer.epochs=60",
    "runs": "table of runs, with filters:     dataset=mnist sort=test/elbo",
    "ui": "MLflow's pages on this project's store",
    "list": "what there is to choose from:    dataset, model, metric, plot, ...",
    "explain": "what a number or a word means:   elbo, rate, active_units, ...",
    "data": "datasets: list, fetch, verify, show",
    "explore": "touch the latent space of a run in the browser: run=R",
    "export": "models for use elsewhere:        run=R format=[onnx,litert]",
    "completion": 'shell completion: eval "$(vaelab completion bash)"',
}
# Commands Hydra itself runs: they have a run folder, -m, --cfg, --info.
HYDRA_RUN = {"train", "reproduce"}
VERBS = {"data": ("list", "fetch", "verify", "show")}
# The setting that a first word without = is the value of: vaelab list metric is vaelab list group=metric.
FIRST_WORD = {"data": "verb", "list": "group", "explain": "term"}
# {command: {key: what it holds}} of the JSON document that --json prints instead of text. Any may have "error" instead.
JSON = {
    "runs": {"runs": "of each run: the columns (of the table, or of columns=[...]), folder, started (s since 1970)"},
    "evaluate": {
        "run": "its folder",
        "weights_epoch": "the epoch of the weights that were measured",
        "scores": "{split/name: {value, se, n, samples, split, data, weights_epoch, note}}",
    },
    "compare": {
        "runs": "their folders, in the order in which they were given",
        "split": "test or train",
        "configuration": "{setting: [its value in each run]} of those that differ",
        "metrics": "{split/name: [{value, se} or null of each run]}",
        "paired": "of each run after the first: {run, why_not, terms: [{term, mean, se, higher, n}]}, minus the first",
    },
    "list": {"groups": "[{group, options: [{name, sentence, paper, cost, own}]}]"},
    "explain": {"terms": "{term: {is, formula, unit, says, not, source, see}}"},
    "reproduce": {
        "runs": "of a recipe: {run, passed, verdicts: [{name, published, measured, bound, margin, passed}]}; of run=R: "
        "{run, repeated, passed, arrays, identical, largest_difference, environment}",
    },
}
RUN_FILTERS = ("dataset", "model", "objective", "state", "beta", "latent_dim", "seed")
