"""The commands, in the order of the help page."""

COMMANDS = {
    "train": "train a VAE; -m makes it a sweep over comma-separated values",
    "evaluate": "numbers of a finished run:       run=R metric=[elbo,nll]",
    "plot": "pictures of a finished run:      run=R plot=[tsne,interpolation]",
    "score": "how strange each image is:       run=R on=image_folder on.path=F csv=scores.csv",
    "generate": "decode typed coordinates:        run=R z=[0.5,-1.2], or n=16 from the prior",
    "fit-prior": "a prior for a finished run's codes: run=R prior=mixture, numbers before and after",
    "compare": "what differs between runs:       run=[R1,R2], paired per image",
    "report": "a sweep as a whole:              sweep=S (written when it ends, too)",
    "reproduce": "judge a recipe:                  experiment=E, or repeat a run byte for byte: run=R",
    "resume": "continue a stopped or longer-wanted run: run=R trainer.epochs=60",
    "runs": "table of runs, with filters",
    "ui": "MLflow's pages on this project's store",
    "data": "datasets: list, fetch, verify, show",
    "explore": "touch the latent space of a run in the browser: run=R",
    "export": "models for use elsewhere:        run=R format=[keras,h5,onnx,saved_model,litert]",
    "completion": 'shell completion: eval "$(vaelab completion bash)"',
}
# Commands Hydra itself runs: they have a run folder, -m, --cfg, --info.
HYDRA_RUN = {"train", "reproduce"}
VERBS = {"data": ("list", "fetch", "verify", "show")}
RUN_FILTERS = ("dataset", "model", "objective", "state", "beta", "latent_dim", "seed")
