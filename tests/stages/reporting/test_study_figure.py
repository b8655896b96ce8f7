import pytest
from scipy import stats

from stages.reporting import groups, study_figure, style
from tests.stages.reporting.simulated_studies import SEEDS, runs_over, score
from tests.stages.results.simulated import as_read, results_of, simulate_run


def test_points_and_bands_are_means_and_intervals_over_seeds():
    made = runs_over("interval", [5, 1, 20], ("periodic", "dropout-periodic"), ("baseline", "dropout"))
    results = as_read(results_of(made, varied=("interval",)))
    panels = study_figure.draw(results, "interval").axes
    texts = [text.get_text() for text in panels[0].figure.legends[0].get_texts()]
    assert texts == ["Baseline (n = 3)", "+ dropout (n = 3)", "+ periodic (n = 3)", "+ dropout + periodic (n = 3)"]
    scores = score(results).set_index(["variant", "interval", "seed"])["value"].sort_index()
    plain = scores["baseline", ""]
    for axes, against, bands in zip(panels, (0 * plain, plain), (["baseline", "dropout"], ["dropout"]), strict=True):
        for container, variant in zip(axes.containers, ("periodic", "dropout-periodic"), strict=True):
            line, _, (bars,) = container.lines
            assert line.get_xdata().tolist() == [1, 5, 20] and line.get_color() == style.COLORS[variant]
            for interval, mean, ((_, low), (_, high)) in zip([1, 5, 20], line.get_ydata(), bars.get_segments()):
                values = scores[variant, str(interval)] - against
                assert mean == pytest.approx(values.mean())
                assert (low, high) == pytest.approx(stats.ttest_1samp(values, 0).confidence_interval(0.95))
        for band, variant in zip(axes.patches, bands, strict=True):
            low, high = stats.ttest_1samp(scores[variant, ""] - against, 0).confidence_interval(0.95)
            assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((low, high))
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "5", "20"]


def test_where_nothing_is_varied_the_variants_stand_one_below_the_other_with_their_differences():
    names = ["baseline", "periodic", "negate", "half"]
    results = as_read(results_of([simulate_run(name, seed, 4) for name in names for seed in SEEDS]))
    ((file, drawn),) = study_figure.figures(results)
    scores, differences = drawn.axes
    titles = ["Baseline (n = 3)", "+ periodic (n = 3)", "+ negate (n = 3)", "+ half (n = 3)"]
    assert file == "variants.png" and [text.get_text() for text in scores.get_yticklabels()] == titles
    table = score(results).pivot(index="seed", columns="variant", values="value")
    of_a_panel = [(scores, table[names], 0, None), (differences, table[names[1:]], 1, table["baseline"])]
    for axes, values, first, against in of_a_panel:
        shown = values if against is None else values.sub(against, axis=0)
        dots = [line for line in axes.lines if line.get_alpha()]
        rows = zip(shown, dots, axes.containers, strict=True)
        for place, (name, seeds, container) in enumerate(rows, start=first):
            line, _, (bars,) = container.lines
            assert sorted(seeds.get_xdata()) == pytest.approx(sorted(shown[name]))
            assert (line.get_xdata()[0], line.get_ydata()[0]) == pytest.approx((shown[name].mean(), place))
            test = stats.ttest_1samp(values[name], 0) if against is None else stats.ttest_rel(values[name], against)
            ((low, _), (high, _)) = bars.get_segments()[0]
            assert (low, high) == pytest.approx(test.confidence_interval(0.95))


def test_without_a_baseline_there_are_no_differences():
    results = as_read(results_of([simulate_run(name, seed, 4) for name in ("periodic", "half") for seed in SEEDS]))
    ((_, drawn),) = study_figure.figures(results)
    assert len(drawn.axes) == 1 and "differences" not in drawn.get_label()


def test_scores_of_a_dip_are_hollow():
    """Of 4 epochs the last two are the end: T = 2 turns signs in it, T = 20 never."""
    results = as_read(results_of(runs_over("interval", [2, 20]), varied=("interval",)))
    drawn = study_figure.draw(results, "interval")
    for axes in drawn.axes:
        hollow = [line for line in axes.lines if line.get_markerfacecolor() == axes.get_facecolor()]
        assert [line.get_xdata()[0] for line in hollow] == [2]
    assert "Hollow: signs turned in the last quarter of a run." in drawn.get_label()
    one = as_read(results_of(runs_over("interval", [2], seeds=(0,)), varied=("interval",)))
    assert "(n = 1), which has no interval. Hollow: " in study_figure.draw(one, "interval").get_label()
    results = as_read(results_of(runs_over("interval", [20]), varied=("interval",)))
    assert "Hollow" not in study_figure.draw(results, "interval").get_label()


def test_no_difference_is_on_the_axis_of_differences():
    made = runs_over("interval", [3])
    for row in (row for run in made for row in run["measures"] if run["runs"][0]["variant"] == "baseline"):
        row["value"] += 0.5
    drawn = study_figure.draw(as_read(results_of(made, varied=("interval",))), "interval")
    low, high = drawn.axes[1].get_ylim()
    assert low < -0.3 < 0 < high, "also where all lie far to one side"


def test_values_that_are_no_numbers_are_categories():
    results = as_read(results_of(runs_over("periodic.sites", ["first", "all", "1"]), varied=("periodic.sites",)))
    axes, _ = study_figure.draw(results, "periodic.sites").axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["first", "all", "1"]
    (line, *_) = axes.containers[0].lines
    assert line.get_xdata().tolist() == [0, 1, 2] and line.get_linestyle() == "None"
    assert groups.numbers_of(["first", "1"]) is None and groups.numbers_of(["nan", "1"]) is None


def test_values_over_decades_have_a_logarithmic_axis():
    results = as_read(results_of(runs_over("dynamic.start", [0.5, 0.001], ["dynamic"]), varied=("dynamic.start",)))
    axes, _ = study_figure.draw(results, "dynamic.start").axes
    assert axes.get_xscale() == "log" and axes.get_xlim()[0] > 0
    assert axes.containers[0].lines[0].get_xdata().tolist() == [0.001, 0.5]
