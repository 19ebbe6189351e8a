"""What may be asked of a search: the options of `nas search`, which the service takes under the same names."""

from pathlib import Path
from typing import Any

import click

from nas.cli import options
from nas.errors import ParameterError
from nas.evaluation import EvaluationOptions, Resources
from nas.space.size import with_size
from nas.study.search import SearchOptions

# What numpy's and torch's generators take.
MAX_SEED = 2**32 - 1

SEARCH_OPTIONS = (
    click.option(
        "--space",
        default="hybrid",
        show_default=True,
        metavar="NAME|FILE",
        help="Search space (`nas spaces` lists them) or YAML file.",
    ),
    click.option(
        "--size",
        metavar="SIZE",
        help="Scale the space: s, m (as declared), l, xl, or auto: the smallest that reaches --max-latency.",
    ),
    click.option("--budget", default=200, show_default=True, type=int, metavar="N", help="Trials to have on record."),
    click.option(
        "--confirm",
        default=2,
        show_default=True,
        type=int,
        metavar="K",
        help="Seeds more to train the front's members with after the budget.",
    ),
    click.option("--no-early-stopping", is_flag=True, help="Train every proxy to the end, whatever its curve says."),
    click.option(
        "--stop-when-flat",
        "flat_below",
        is_flag=False,
        flag_value="1%",
        type=options.Percent(),
        metavar="[P%]",
        help="End the search when the trials that are left promise to add less to the hypervolume; alone it means 1%.",
    ),
    click.option(
        "--start-from",
        multiple=True,
        metavar="STUDY|CONFIG|MODEL|published",
        help="Try first: a study's front, a config, a published model or all of those; a study also informs ehvi.",
    ),
    click.option(
        "--baselines",
        multiple=True,
        default=("few",),
        show_default=True,
        metavar="none|few|NAMES",
        help="Known networks to train beside the trials: few that suit the pictures, or plain-cnn-m, timm:resnet10t, "
        "your own module:function, ...; separated by commas or given again.",
    ),
    click.option("--study", metavar="NAME", help="Study to begin or go on with; by default named after the settings."),
    options.storage,
    click.option(
        "--sampler",
        default="ehvi",
        show_default=True,
        metavar="NAME",
        help="ehvi (ours), or Optuna's tpe, nsga2, nsga3, gp, qmc, random.",
    ),
    click.option(
        "--evaluator",
        default="proxy",
        show_default=True,
        metavar="NAME",
        help="proxy (each architecture is trained briefly) or supernet (one training for all, then inference alone).",
    ),
    click.option(
        "--supernet-epochs", type=int, metavar="N", help="Epochs of the supernet; by default 20 proxies' worth."
    ),
    click.option("--inherit", is_flag=True, help="Have finalists start from the supernet's weights, not from scratch."),
    click.option(
        "--dataset",
        default="digits",
        show_default=True,
        metavar="NAME",
        help="digits, fashion-mnist, cifar10, cifar100 or imagefolder:PATH.",
    ),
    click.option("--data-dir", type=options.file_path, metavar="DIR", help="Folder that holds the data set."),
    click.option("--download", is_flag=True, help="Fetch the data set into --data-dir if it is not there."),
    click.option("--epochs", type=int, metavar="N", help="Proxy training epochs; the default depends on the data set."),
    click.option("--train-size", type=int, metavar="N", help="Images to train a proxy on."),
    click.option("--input-size", type=int, metavar="PX", help="Proxy image size."),
    click.option("--batch-size", type=int, metavar="N", help="Proxy batch size; by default what suits the data."),
    click.option(
        "--learning-rate", type=float, metavar="X", help="Peak learning rate; by default what suits the batch size."
    ),
    click.option(
        "--train-precision",
        default="auto",
        show_default=True,
        metavar="NAME",
        help="auto (what trains an architecture fastest, by a short probe), fp32 or bf16.",
    ),
    click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="NAME[:option=value,...]",
        help="Where latency is measured (`nas targets`); given again, further ones that are recorded.",
    ),
    click.option(
        "--objective",
        "objectives",
        multiple=True,
        default=("accuracy", "latency"),
        show_default=True,
        metavar="NAME",
        help="accuracy, latency, latency@TARGET, parameters, macs, peak_memory, energy; given once for each.",
    ),
    click.option(
        "--feature",
        "features",
        multiple=True,
        metavar="NAME",
        help="Show ehvi what needs no training: parameters, macs, naswot, gradient_norm, synaptic; once for each.",
    ),
    options.latency_precision,
    click.option(
        "--device", metavar="NAME", help="Where proxies train: cpu or cuda; CUDA by default where there is one."
    ),
    click.option(
        "--max-latency",
        "max_latency_ms",
        type=float,
        metavar="MS",
        help="Never train what is slower than this on the first --target.",
    ),
    click.option(
        "--workers",
        type=int,
        metavar="N",
        help="Trials at a time; by default one per core as far as memory allows, or per GPU share.",
    ),
    click.option("--gpus-per-trial", type=float, metavar="X", help="GPUs, or the share of one, that a trial takes."),
    options.ray_address,
    click.option(
        "--cpus-per-trial", type=float, metavar="X", help="Cores of a Ray cluster that a trial takes; 1 if not given."
    ),
    click.option(
        "--resource",
        "resources",
        multiple=True,
        type=options.Amount(),
        metavar="NAME=AMOUNT",
        help="Custom resource of a Ray cluster that a trial takes; given once for each.",
    ),
    click.option(
        "--seed", default=0, show_default=True, type=int, metavar="N", help="Seed of everything drawn at random."
    ),
)


def search_options(command: Any) -> Any:
    """The options, on a command; `asked` makes one thing of what it is called with."""
    for option in reversed(SEARCH_OPTIONS):
        command = option(command)
    return command


def asked(
    space: str,
    size: str | None,
    budget: int,
    confirm: int,
    no_early_stopping: bool,
    flat_below: float | None,
    start_from: tuple[str, ...],
    baselines: tuple[str, ...],
    study: str | None,
    storage: str,
    sampler: str,
    evaluator: str,
    supernet_epochs: int | None,
    inherit: bool,
    dataset: str,
    data_dir: Path | None,
    download: bool,
    epochs: int | None,
    train_size: int | None,
    input_size: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    train_precision: str,
    targets: tuple[str, ...],
    objectives: tuple[str, ...],
    features: tuple[str, ...],
    precision: float,
    device: str | None,
    max_latency_ms: float | None,
    workers: int | None,
    gpus_per_trial: float | None,
    ray_address: str | None,
    cpus_per_trial: float | None,
    resources: tuple[tuple[str, float], ...],
    seed: int,
) -> SearchOptions:
    """Raises ParameterError for a value that is out of range."""
    options.check_max_latency(max_latency_ms)
    for name, value in (
        ("--epochs", epochs),
        ("--supernet-epochs", supernet_epochs),
        ("--train-size", train_size),
        ("--input-size", input_size),
        ("--batch-size", batch_size),
        ("--gpus-per-trial", gpus_per_trial),
        ("--cpus-per-trial", cpus_per_trial),
        ("--learning-rate", learning_rate),
    ):
        if value is not None and not 0 < value < float("inf"):
            raise ParameterError(f"{name} {value} is not a number above 0")
    if not 0 <= seed <= MAX_SEED:
        raise ParameterError(f"--seed {seed} is not between 0 and {MAX_SEED}")
    if study == "":
        raise ParameterError("--study '' is empty; leave the option out to name the study by its settings")
    return SearchOptions(
        space=with_size(space, size),
        budget=budget,
        confirm=confirm,
        early_stopping=not no_early_stopping,
        flat_below=flat_below,
        start_from=start_from,
        baselines=baselines,
        storage=storage,
        study=study,
        sampler=sampler,
        evaluator=evaluator,
        evaluation=EvaluationOptions(
            dataset=dataset,
            data_dir=data_dir,
            download=download,
            epochs=epochs,
            train_size=train_size,
            input_size_px=input_size,
            batch_size=batch_size,
            learning_rate=learning_rate,
            train_precision=train_precision,
            targets=targets,
            objectives=objectives,
            features=features,
            ray_address=ray_address,
            device=device,
            latency_precision=precision,
            max_latency_ms=max_latency_ms,
            supernet_epochs=supernet_epochs,
            inherit=inherit,
            seed=seed,
        ),
        resources=Resources(workers, gpus_per_trial, ray_address, cpus_per_trial, dict(resources)),
    )
