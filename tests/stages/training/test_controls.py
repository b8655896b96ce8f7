"""The controls, trained: what of a run they change, and that they change nothing else."""

import pytest

from tests.stages.training.small import params, trained

pytestmark = pytest.mark.usefixtures("small_network")


@pytest.mark.parametrize(
    ("unit", "turns", "share"), [("epoch", None, 1.0), ("epoch", [2, 4], 0.5), ("step", [3, 4, 9], 1.0)]
)
def test_negate_is_periodic_to_the_bit(crops_folder, unit, turns, share):
    """The flip is one rewriting of the weights at each turn: in every number that a run writes, cell by cell."""
    options = params(interval=2, unit=unit)
    options = options.model_copy(
        update={"periodic": options.periodic.model_copy(update={"turns": turns, "share": share})}
    )
    flip, of_flip = trained(crops_folder, "periodic", options=options)
    negate, of_negate = trained(crops_folder, "negate", options=options)
    if unit == "step":  # the norm of a weight's change over a turn is not that of its change without the turn
        for row in (*of_flip, *of_negate):
            del row["update"]
    assert of_negate == of_flip
    assert negate.in_force.rows == flip.in_force.rows and flip.in_force.turns >= 2
