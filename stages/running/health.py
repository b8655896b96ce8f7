"""What is wrong with a run: refused before it starts, or, where it is no error, said in its log, record and report."""

from collections.abc import Iterator

from noise.first_turn import first_turn
from stages.crops.store import Crops
from stages.params import Params, Train
from stages.training.loop import HIGHEST_LOSS
from stages.training.schedule import rates

COLLAPSED_EPOCHS = 3  # in a row with one predicted class, from which on a network counts as collapsed
AVERAGE_OF_THE_START = 0.5  # the share of the first step's weights in a running average from which on it hardly moves


def must_fit(options: Train, pool: int, classes: int, processes: int) -> None:
    """Raises SystemExit where the run's own images are more than the pool has, or too few for its classes or a batch,
    and where a batch cannot be dealt out evenly."""
    images = options.images or pool
    if images > pool:
        raise SystemExit(f"params.yaml: train.images: {images} is more than the {pool} training images there are")
    if images < classes:
        raise SystemExit(f"params.yaml: train.images: {images} leaves some of {classes} classes without an image")
    if options.batch_size > images:
        raise SystemExit(
            f"params.yaml: train.batch_size: {options.batch_size} is more than the {images} training images there are"
        )
    if options.batch_size % processes:
        raise SystemExit(
            f"params.yaml: train.batch_size: {options.batch_size} cannot be shared by {processes} processes"
        )


def before(variant: str, reads: tuple[str, ...], params: Params, steps_per_epoch: int) -> list[str]:
    """Warnings about parameters under which this variant cannot do what it is named for, or that have no effect."""
    found = [*_of_the_variant(reads, params, steps_per_epoch), *_of_the_training(params.train, steps_per_epoch)]
    return [f"{variant}: {line}" for line in found]


def _of_the_variant(reads: tuple[str, ...], params: Params, steps_per_epoch: int) -> Iterator[str]:
    options = params.train
    steps = options.epochs * steps_per_epoch
    if "periodic" in reads:
        length = options.epochs if params.periodic.unit == "epoch" else steps
        if params.periodic.turns and (late := [turn for turn in params.periodic.turns if turn > length]):
            yield (
                f"periodic.turns {', '.join(map(str, late))} lie beyond the run of {length} {params.periodic.unit}s; "
                "leave them out, or choose more epochs"
            )
        # Algorithm 1 turns the flag after step T-1, so step T is the first one flipped; T=1 starts clean and turns
        # after the first.
        if not params.periodic.turns and max(params.interval, 2) > length:
            yield (
                f"interval {params.interval} is longer than the run of {length} {params.periodic.unit}s: "
                f"the flag never turns; choose an interval of at most {length}, or more epochs"
            )
    if "dynamic" in reads:
        start, decay = params.dynamic.start, options.weight_decay
        assert start != "auto"  # settled
        if options.optimizer != "adam" or decay == 0:
            yield (
                f"w is moved by the coupled weight decay of adam; with optimizer {options.optimizer} and "
                f"weight decay {decay:g} it stays positive and nothing is injected; choose adam and a decay above 0"
            )
        elif first_turn(start, lr=rates(options, steps_per_epoch * options.batch_size), weight_decay=decay) is None:
            yield (
                f"w starts at {start:g} and does not turn within {steps} steps; choose dynamic.start: auto, "
                "a smaller number, or more epochs"
            )
    if "dropout" in reads and params.dropout.p == 0:
        yield "dropout.p 0 drops nothing; choose a rate above 0"
    if "gaussian" in reads and params.gaussian.stddev == 0:
        yield "gaussian.stddev 0 adds nothing; choose a standard deviation above 0"
    if "bursts" in reads and params.bursts.stddev == 0:
        yield "bursts.stddev 0 adds nothing; choose a standard deviation above 0"


def _of_the_training(options: Train, steps_per_epoch: int) -> Iterator[str]:
    epochs, steps = options.epochs, options.epochs * steps_per_epoch
    if options.warmup >= epochs:
        yield (
            f"train.warmup {options.warmup} is as long as the run of {epochs} epochs, or longer: the learning rate "
            f"never reaches train.learning_rate, and train.schedule has no effect; choose a warm-up below {epochs}"
        )
    if options.period is not None and options.schedule != "restarts":
        yield f"train.period {options.period} is of the schedule restarts alone, not of {options.schedule}; choose null"
    # After epoch N no training follows that could be spared, and epoch 1 is the best one so far.
    if options.early_stopping is not None and options.early_stopping >= max(epochs - 1, 1):
        yield (
            f"train.early_stopping {options.early_stopping} cannot stop a run of {epochs} epochs; "
            f"choose {f'at most {epochs - 2}' if epochs > 2 else 'null'}, or more epochs"
        )
    # The average begins as the weights after the first step (`AveragedModel`).
    if options.ema is not None and (share := options.ema ** (steps - 1)) >= AVERAGE_OF_THE_START:
        yield (
            f"train.ema {options.ema:g} hardly moves in {steps} steps: {share:.0%} of the average, which is what is "
            "evaluated, are still the weights of the first step; choose a smaller one, or more epochs"
        )


def of_the_crops(variant: str, params: Params, crops: Crops) -> list[str]:
    """Warnings about parameters that have no effect on these crops."""
    warnings, options = [], params.train
    if params.data is not None and params.data.soft_labels and crops["train"].soft is None:
        warnings.append(
            f"data.soft_labels has no effect: {crops.summary['title']} has no votes; set it to false, or choose a "
            "data set that has them (FERPlus)"
        )
    counts = crops.summary["counts"]["train"].values()
    if options.class_balance == "weights" and len(set(counts)) == 1:
        warnings.append(
            "train.class_balance: weights has no effect: all classes have the same number of training images; "
            "choose none"
        )
    if options.augment.shift >= crops.summary["size"]:
        warnings.append(
            f"train.augment.shift {options.augment.shift} moves some pictures of {crops.summary['size']} px out of "
            "sight altogether; choose a smaller one"
        )
    return [f"{variant}: {line}" for line in warnings]


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
    highest = max(curves, key=lambda row: row["val_loss"])
    if highest["val_loss"] > HIGHEST_LOSS:
        warnings.append(
            f"{variant}: the validation loss was {highest['val_loss']:.3g} in epoch {highest['epoch']}: the averages "
            "of BatchNorm do not fit the weights there; lower train.learning_rate, or train for more epochs"
        )
    return warnings
