"""growth.py COUNTS RUNS PNG: draws how the cost of a request grows.

COUNTS has `PART-SIZE INSTRUCTIONS` lines, RUNS what `bench grow` prints: `WHAT SIZE WHO CPU RATE RESIDENT`.
"""

import sys
from collections import defaultdict
from statistics import median

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

INSTRUCTIONS = [
    ("the pure work of a request", [
        ("request", "secrets in the file (10 fields)"),
        ("hosts", "hosts of the secret (10 fields)"),
        ("fields", "fields of the head"),
        ("untouched", "fields of a head without one"),
    ]),
    ("reading the secrets file", [("parse", "secrets in the file")]),
]
CPU, RATE, RESIDENT = 0, 1, 2
# What is varied, which figure is drawn, its name, its scale, and what is said of the size.
RUNS = [
    ("clients", RATE, "requests a second", 1, "clients"),
    ("clients", CPU, "CPU, µs a request", 1, "clients"),
    ("rate", CPU, "CPU, µs a request (a record each)", 1, "requests a second"),
    ("secrets", CPU, "CPU, µs a request", 1, "secrets in the file (16 clients)"),
    ("tunnels", CPU, "CPU, µs a request", 1, "other tunnels, open and idle (16 clients)"),
    ("tunnels", RESIDENT, "resident, MiB", 1 / 1024, "open tunnels"),
]


def counted(path):
    curves = defaultdict(list)
    for line in open(path):
        part, count = line.split()
        name, size = part.rsplit("-", 1)
        curves[name].append((int(size), int(count)))
    return curves


def measured(path):
    """The median of the rounds, for each thing that is varied, each of its sizes and each program."""
    rounds = defaultdict(list)
    for line in open(path):
        what, size, who, *figures = line.split()
        rounds[what, who, int(size)].append([float(figure) for figure in figures])
    curves = defaultdict(list)
    for (what, who, size), seen in sorted(rounds.items()):
        curves[what, who].append((size, [median(column) for column in zip(*seen)]))
    return curves


def main(counts, runs, png):
    counts, runs = counted(counts), measured(runs)
    figure, axes = plt.subplots(2, 4, figsize=(19, 8.5), layout="constrained")
    axes = axes.flatten()
    for axis, (title, parts) in zip(axes, INSTRUCTIONS):
        for name, label in parts:
            axis.loglog(*zip(*sorted(counts[name])), marker="o", label=label)
        axis.set(title=title, xlabel="how many", ylabel="instructions")
        axis.set_ylim(bottom=1000)
    for axis, (what, column, unit, scale, label) in zip(axes[len(INSTRUCTIONS):], RUNS):
        for who in "proxy", "relay":
            points = [(size, figures[column] * scale) for size, figures in runs[what, who]]
            if points:
                axis.plot(*zip(*points), marker="o", label=who)
        axis.set_xscale("linear" if what == "tunnels" else "log")
        axis.set(title=f"{unit}", xlabel=label)
        axis.set_ylim(bottom=0)
    for axis in axes:
        axis.grid(True, which="major", alpha=0.3)
        axis.legend()
    figure.savefig(png, dpi=80)


main(*sys.argv[1:])
