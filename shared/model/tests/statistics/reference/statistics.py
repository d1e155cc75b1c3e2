"""Writes statistics.json: what scipy and numpy make of the samples that reference.rs checks the crate against.

    python3 -m venv /tmp/scipy && /tmp/scipy/bin/pip install scipy==1.17.1
    /tmp/scipy/bin/python shared/tests/statistics/reference/statistics.py

The same versions write the same file.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

PERCENTS = [0, 2.5, 5, 10, 25, 50, 75, 90, 95, 97.5, 99, 100]
# A share of 2.5% of 10,000 resamples has a standard error of 0.16%: within three of them a bound lies between these two
# percentiles of the distribution that it is taken from. A distance would not do, for medians come in steps.
AROUND_LOW = [2.0, 3.0]
AROUND_HIGH = [97.0, 98.0]
RESAMPLES = 200_000


def samples():
    random = np.random.default_rng(20260101)
    made = {
        "one": [3.25],
        "two": [3.0, 4.0],
        "five": [100.0, 104.0, 98.0, 101.0, 97.0],
        "disturbed": [12.1, 11.7, 13.4, 12.9, 12.0, 48.3, 12.5],
        "ties": [5.0, 5.0, 5.0, 5.0, 9.0, 5.0],
        "constant": [7.5] * 6,
    }
    for count, spread in [(10, 0.02), (20, 0.02), (20, 0.05), (100, 0.1)]:
        values = np.round(100 * np.exp(random.normal(0, spread, count)), 3)
        made[f"{count} at {spread:.0%}"] = values.tolist()
    return made


def describe(values):
    sample = np.array(values)
    deviations = np.abs(sample - np.median(sample))
    unit = stats.median_abs_deviation(sample) / 0.6745 or np.mean(deviations) * 1.253314
    return {
        "values": values,
        "median": np.median(sample),
        "mad": stats.median_abs_deviation(sample),
        "percentiles": np.percentile(sample, PERCENTS, method="median_unbiased").tolist(),
        "outliers": (deviations > 3.5 * unit).tolist() if len(values) >= 5 else [False] * len(values),
        "prediction": prediction(sample) if len(values) > 1 else None,
    }


def prediction(sample):
    logarithms = np.log(sample)
    n = len(sample)
    scale = logarithms.std(ddof=1) * np.sqrt(1 + 1 / n)
    if scale == 0:
        return np.exp([logarithms[0]] * 2).tolist()
    return np.exp(stats.t.interval(0.95, n - 1, loc=logarithms.mean(), scale=scale)).tolist()


def bootstrap(data, statistic):
    """Where each bound of the 95% percentile interval may lie."""
    found = stats.bootstrap(data, statistic, method="percentile", n_resamples=RESAMPLES, vectorized=True, batch=10_000,
                            rng=np.random.default_rng(1))
    return {
        "low": np.percentile(found.bootstrap_distribution, AROUND_LOW).tolist(),
        "high": np.percentile(found.bootstrap_distribution, AROUND_HIGH).tolist(),
    }


def ratio_of_medians(b, a, axis=-1):
    return np.median(b, axis=axis) / np.median(a, axis=axis)


def ratio(name_b, b, name_a, a):
    return {"b": name_b, "a": name_a, "ratio": np.median(b) / np.median(a), **bootstrap((b, a), ratio_of_medians)}


def line(name, x, y):
    fit = stats.linregress(x, y)
    return {"name": name, "x": x.tolist(), "y": y.tolist(), "intercept": fit.intercept, "slope": fit.slope}


def lines():
    random = np.random.default_rng(20260102)
    few = np.array([1.0, 2.0, 3.0, 5.0, 8.0])
    mixed = np.round(np.exp(random.uniform(np.log(80e3), np.log(16e6), 200)))
    # Sizes that hardly differ: sums of squares would lose 10 of 16 digits.
    alike = 500_000_000 + np.arange(50) * 16.0
    return [
        line("few", few, np.array([2.1, 3.9, 6.2, 9.8, 16.1])),
        line("bytes and ms", mixed, np.round(0.35 + mixed * 9.2e-6 + random.normal(0, 0.2, 200), 3)),
        line("sizes that hardly differ", alike, np.round(4.0 + (alike - 5e8) * 0.02 + random.normal(0, 0.5, 50), 3)),
    ]


def weighted_line():
    """Points that stand for several: numpy's weights are those of the distance, not of its square."""
    x, y, counts = [1.0, 2.0, 4.0, 7.0], [3.0, 4.5, 9.0, 13.0], [5, 1, 3, 2]
    slope, intercept = np.polyfit(x, y, 1, w=np.sqrt(counts))
    return {"x": x, "y": y, "counts": counts, "intercept": intercept, "slope": slope}


made = samples()
reference = {
    "scipy": scipy.__version__,
    "numpy": np.__version__,
    "percents": PERCENTS,
    "samples": {name: describe(values) for name, values in made.items()},
    "medians": {
        name: bootstrap((values,), np.median) for name, values in made.items() if name not in ("one", "constant")
    },
    "ratios": [
        ratio(b, made[b], a, made[a])
        for b, a in [("20 at 2%", "10 at 2%"), ("20 at 5%", "20 at 2%"), ("disturbed", "five"),
                     ("100 at 10%", "20 at 5%")]
    ],
    "lines": lines(),
    "weightedLine": weighted_line(),
}
path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps(reference, indent=1) + "\n")
