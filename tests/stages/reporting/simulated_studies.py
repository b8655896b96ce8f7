"""Runs over a parameter, simulated, and their scores."""

from tests.stages.results.simulated import simulate_run

SEEDS = (0, 1, 2)


def runs_over(parameter, values, variants=("periodic",), others=("baseline",), seeds=SEEDS, **record):
    made = [simulate_run(variant, seed, epochs=4, **record) for variant in others for seed in seeds]
    for variant in variants:
        for value in values:
            made += [simulate_run(variant, seed, 4, values={parameter: value}, **record) for seed in seeds]
    return made


def score(results, weights="last", split="test", measure="macro_f1"):
    table = results.measures
    return table[(table["weights"] == weights) & (table["split"] == split) & (table["measure"] == measure)]
