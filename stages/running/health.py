"""What is wrong with a run: refused before it starts, or, where it is no error, said in its log, record and report."""

from noise.first_turn import first_turn
from stages.params import Params, Train
from stages.training.schedule import rates

COLLAPSED_EPOCHS = 3  # in a row with one predicted class, from which on a network counts as collapsed


def must_fit(options: Train, images: int, processes: int) -> None:
    """Raises SystemExit where the batch is larger than the training split, or cannot be dealt out evenly."""
    if options.batch_size > images:
        raise SystemExit(
            f"params.yaml: train.batch_size: {options.batch_size} is more than the {images} training images there are"
        )
    if options.batch_size % processes:
        raise SystemExit(
            f"params.yaml: train.batch_size: {options.batch_size} cannot be shared by {processes} processes"
        )


def before(variant: str, reads: tuple[str, ...], params: Params, steps_per_epoch: int) -> list[str]:
    """Warnings about parameters under which this variant cannot do what it is named for."""
    options, warnings = params.train, []
    steps = options.epochs * steps_per_epoch
    if "periodic" in reads:
        length = options.epochs if params.periodic.unit == "epoch" else steps
        # Algorithm 1 turns the flag after step T-1, so step T is the first one flipped; T=1 starts clean and turns
        # after the first.
        if max(params.interval, 2) > length:
            warnings.append(
                f"{variant}: interval {params.interval} is longer than the run of {length} {params.periodic.unit}s: "
                f"the flag never turns; choose an interval of at most {length}, or more epochs"
            )
    if "dynamic" in reads:
        start, decay = params.dynamic.start, options.weight_decay
        assert start != "auto"  # settled
        if options.optimizer != "adam" or decay == 0:
            warnings.append(
                f"{variant}: w is moved by the coupled weight decay of adam; with optimizer {options.optimizer} and "
                f"weight decay {decay:g} it stays positive and nothing is injected; choose adam and a decay above 0"
            )
        elif first_turn(start, lr=rates(options, steps_per_epoch * options.batch_size), weight_decay=decay) is None:
            warnings.append(
                f"{variant}: w starts at {start:g} and does not turn within {steps} steps; choose dynamic.start: auto, "
                "a smaller number, or more epochs"
            )
    return warnings


def after(variant: str, curves: list[dict], signed: int, first_turn: int | None) -> list[str]:
    """Warnings about a finished run, from its curves; `signed` is the number of sites that carry a sign."""
    warnings = []
    if signed and first_turn is None:
        warnings.append(
            f"{variant}: NOTHING WAS INJECTED: no sign ever turned, so this run is the baseline under another name"
        )
    collapsed = in_a_row = 0
    for row in curves:
        in_a_row = in_a_row + 1 if row["predicted_classes"] == 1 else 0
        collapsed = max(collapsed, in_a_row)
    if collapsed >= COLLAPSED_EPOCHS:
        warnings.append(f"{variant}: the network predicted one single class for {collapsed} epochs in a row")
    return warnings
