"""growth.py COUNTS PNG: draws counts of `PART-SIZE INSTRUCTIONS` lines, a curve for each part."""

import sys
from collections import defaultdict

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PANELS = [
    ("a request with one placeholder", "instructions", [
        ("request", "secrets in the file (10 fields)"),
        ("hosts", "hosts of the secret (10 fields)"),
        ("fields", "fields of the head"),
        ("untouched", "fields of a head without one"),
    ]),
    ("reading the secrets file", "instructions", [("parse", "secrets in the file")]),
]


def main(counts, png):
    curves = defaultdict(list)
    for line in open(counts):
        part, count = line.split()
        name, size = part.rsplit("-", 1)
        curves[name].append((int(size), int(count)))
    figure, axes = plt.subplots(1, len(PANELS), figsize=(10, 4), layout="constrained")
    for axis, (title, unit, parts) in zip(axes, PANELS):
        for name, label in parts:
            axis.loglog(*zip(*sorted(curves[name])), marker="o", label=label)
        axis.set(title=title, xlabel="how many", ylabel=unit)
        axis.set_ylim(bottom=1000)
        axis.grid(True, which="major", alpha=0.3)
        axis.legend()
    figure.savefig(png, dpi=110)


main(*sys.argv[1:])
