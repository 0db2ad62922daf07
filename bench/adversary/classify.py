#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Guesses from recorded datagrams alone what sessions were doing, and says how often it was right.

Reads files of qg_tap and prints one JSON object: how many traces, what guessing blindly gives, what a simple and a
strong classifier reach, and what the sessions sent and how late. Needs numpy and scikit-learn (tools/install --bench).
"""
import argparse
import json
import math
import struct
import sys

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ACTIVITIES = ["idle", "chat", "file", "streaming", "web"]  # as in trace.hpp
FROM_DIALLER = 0x8000
FOLDS = 5
HEADER = struct.Struct("<6I2Q")


class Trace:
    """One record of the file, in the order of trace.cpp."""

    def __init__(self, data, at):
        (self.activity, self.group, self.window_us, self.time_us, datagrams, delays, self.sent_bytes,
         self.content_bytes) = HEADER.unpack_from(data, at)
        at += HEADER.size
        self.times = np.frombuffer(data, "<u4", datagrams, at) / 1e6
        at += 4 * datagrams
        sizes = np.frombuffer(data, "<u2", datagrams, at)
        at += 2 * datagrams
        self.from_dialler = (sizes & FROM_DIALLER) != 0
        self.sizes = (sizes & ~np.uint16(FROM_DIALLER)).astype(float)
        self.delays_ms = np.frombuffer(data, "<u4", delays, at) / 1e3
        self.end = at + 4 * delays


def read(paths):
    traces = []
    for path in paths:
        with open(path, "rb") as file:
            data = file.read()
        at = 0
        while at < len(data):
            traces.append(Trace(data, at))
            at = traces[-1].end
    return traces


# What an observer may look at. Each function adds named numbers; logarithms where sizes differ by powers of ten.

def spread(found, name, values):
    """Where the values lie: mean, deviation and quantiles, or -1 where there are none."""
    quantiles = (0, 5, 10, 25, 50, 75, 90, 95, 100)
    if len(values) == 0:
        found.update({f"{name} {what}": -1.0 for what in ("mean", "deviation", *(f"q{q}" for q in quantiles))})
        return
    found[f"{name} mean"] = values.mean()
    found[f"{name} deviation"] = values.std()
    for q, value in zip(quantiles, np.percentile(values, quantiles)):
        found[f"{name} q{q}"] = value


def sizes(found, name, values):
    spread(found, f"{name} size", values)
    counts = np.histogram(values, bins=np.append(np.arange(0, 1250, 50), 1e9))[0]
    for i, share in enumerate(counts / max(len(values), 1)):
        found[f"{name} sizes from {50 * i}"] = share
    found[f"{name} different sizes"] = len(np.unique(values))


def gaps(found, name, times):
    between = np.diff(times)
    spread(found, f"{name} gap", between)
    counts = np.histogram(np.log10(between + 1e-7), bins=np.linspace(-7, 2, 28))[0]
    for i, share in enumerate(counts / max(len(between), 1)):
        found[f"{name} gaps from 10^{-7 + i / 3:.1f} s"] = share
    # How far from even: what is left of each gap beside the usual one.
    usual = np.median(between) if len(between) else 0
    found[f"{name} unevenness"] = np.abs(between - usual).mean() if len(between) else -1
    found[f"{name} different gaps"] = len(np.unique(np.round(between, 5)))


def bursts(found, name, times, values, pause):
    if len(times) == 0:
        found.update({f"{name} bursts": 0, f"{name} burst mean": -1, f"{name} burst max": -1,
                      f"{name} burst deviation": -1, f"{name} burst time": -1})
        return
    starts = np.flatnonzero(np.append(True, np.diff(times) > pause))
    totals = np.add.reduceat(values, starts)
    ends = np.append(starts[1:], len(times)) - 1
    found[f"{name} bursts"] = len(starts)
    found[f"{name} burst mean"] = totals.mean()
    found[f"{name} burst max"] = totals.max()
    found[f"{name} burst deviation"] = totals.std()
    found[f"{name} burst time"] = (times[ends] - times[starts]).mean()


def rhythm(found, name, times, window):
    """How many in each second, and the strongest beat of the whole."""
    per_second = np.histogram(times, bins=np.arange(0, math.floor(window) + 1))[0].astype(float)
    spread(found, f"{name} in a second", per_second)
    found[f"{name} silent seconds"] = (per_second == 0).sum()
    about_mean = per_second - per_second.mean()
    power = (about_mean ** 2).sum()
    for lag in (1, 2, 3):
        found[f"{name} likeness after {lag} s"] = (about_mean[lag:] * about_mean[:-lag]).sum() / power if power else 0
    fine = np.histogram(times, bins=np.arange(0, window, 0.005))[0].astype(float)
    beats = np.abs(np.fft.rfft(fine - fine.mean()))[1:]
    found[f"{name} strongest beat"] = float(np.argmax(beats)) if beats.any() else -1
    found[f"{name} strength of the beat"] = beats.max() / beats.sum() if beats.any() else 0


def features(trace):
    found = {}
    window = trace.window_us / 1e6
    ways = {"there": trace.from_dialler, "back": ~trace.from_dialler, "all": np.full(len(trace.sizes), True)}
    for name, way in ways.items():
        times, values = trace.times[way], trace.sizes[way]
        found[f"{name} datagrams"] = math.log1p(len(values))
        found[f"{name} bytes"] = math.log1p(values.sum())
        found[f"{name} exact datagrams"] = len(values)
        found[f"{name} exact bytes"] = values.sum()
        found[f"{name} first"] = times[0] if len(times) else -1
        found[f"{name} last"] = times[-1] if len(times) else -1
        sizes(found, name, values)
        gaps(found, name, times)
        for pause in (0.001, 0.01, 0.1, 1):
            bursts(found, f"{name} {pause:g} s", times, values, pause)
        rhythm(found, name, times, window)
    # Who speaks when: turns, the time to an answer, and how the balance of both directions grows.
    turns = np.flatnonzero(np.diff(trace.from_dialler.astype(int)) != 0)
    found["turns"] = len(turns)
    found["turns of all"] = len(turns) / max(len(trace.sizes), 1)
    spread(found, "turn", np.diff(trace.times)[turns])
    found["imbalance of datagrams"] = abs(found["there exact datagrams"] - found["back exact datagrams"])
    found["imbalance of bytes"] = abs(found["there bytes"] - found["back bytes"])
    signed = np.where(trace.from_dialler, trace.sizes, -trace.sizes)
    steps = np.linspace(0, window, 21)[1:]
    upto = np.searchsorted(trace.times, steps)
    for name, values in (("balance", signed), ("sum", trace.sizes)):
        running = np.append(0, np.cumsum(values))[upto]
        for step, value in zip(steps, running):
            found[f"{name} after {step:g} s"] = value
    return found


SIMPLE = ["there datagrams", "back datagrams", "there bytes", "back bytes", "all size mean", "all gap mean"]


def wilson_upper(right, count):
    """The upper end of the 95 % interval of a share."""
    z = 1.959964
    share = right / count
    middle = share + z * z / (2 * count)
    return (middle + z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))) / (1 + z * z / count)


def judge(classifier, table, truth, groups):
    """Trained on four fifths of the groups, tried on the rest, five times: no link is in both."""
    folds = GroupKFold(min(FOLDS, len(set(groups))))
    guessed = cross_val_predict(classifier, table, truth, groups=groups, cv=folds)
    right = int((guessed == truth).sum())
    return {"accuracy": right / len(truth), "upper": wilson_upper(right, len(truth)),
            "confusion": confusion_matrix(truth, guessed, labels=range(len(ACTIVITIES))).tolist()}


def costs(traces):
    found = {}
    for number, name in enumerate(ACTIVITIES):
        mine = [trace for trace in traces if trace.activity == number]
        delays = np.concatenate([trace.delays_ms for trace in mine]) if mine else np.empty(0)
        found[name] = {
            "seconds": sum(trace.time_us for trace in mine) / 1e6,
            "sent_bytes": sum(trace.sent_bytes for trace in mine),
            "content_bytes": sum(trace.content_bytes for trace in mine),
            "median_delay_ms": float(np.median(delays)) if len(delays) else None,
            "p95_delay_ms": float(np.percentile(delays, 95)) if len(delays) else None,
        }
    return found


def main():
    parser = argparse.ArgumentParser(prog="classify.py", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="what qg_tap wrote")
    parser.add_argument("--explain", action="store_true", help="also which features betray most")
    options = parser.parse_args()
    traces = read(options.files)
    truth = np.array([trace.activity for trace in traces])
    groups = np.array([trace.group for trace in traces])
    if len(set(groups)) < 2:
        sys.exit("classify.py: there must be traces of at least two groups, so ten in all")
    rows = [features(trace) for trace in traces]
    names = list(rows[0])
    table = np.array([[row[name] for name in names] for row in rows])
    table = np.nan_to_num(table, posinf=0, neginf=0)
    # Columns that are the same everywhere tell nothing, and cost time.
    telling = table.std(axis=0) > 0
    names = [name for name, tells in zip(names, telling) if tells]
    table = np.column_stack([table[:, telling], np.zeros(len(traces))])  # never quite empty
    simple = table[:, [names.index(name) for name in SIMPLE if name in names] + [len(names)]]

    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    forest = ExtraTreesClassifier(300, min_samples_leaf=2, random_state=1)
    boosting = HistGradientBoostingClassifier(max_iter=60, max_bins=63, learning_rate=0.1, random_state=1,
                                              early_stopping=False)
    result = {"traces": len(traces), "chance": float(np.bincount(truth).max() / len(truth)),
              "features": len(names), "costs": costs(traces)}
    result["simple"] = judge(logistic, simple, truth, groups)
    strong = {"forest": judge(forest, table, truth, groups), "boosting": judge(boosting, table, truth, groups)}
    better = max(strong, key=lambda name: strong[name]["accuracy"])
    result["strong"] = {**strong[better], "name": better}
    if options.explain:
        forest.fit(table, truth)
        order = np.argsort(-forest.feature_importances_[:len(names)])[:25]
        result["betraying"] = [[names[i], round(float(forest.feature_importances_[i]), 4),
                                [round(float(np.median(table[truth == a, i])), 5) for a in range(len(ACTIVITIES))]]
                               for i in order]
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
