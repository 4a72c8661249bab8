"""Compares quantize with other programs, in turn, on the same pictures.

    pip install numpy pillow scikit-learn
    apt-get install imagemagick
    cargo install pngquant
    cargo build --release --locked
    python benches/peers.py 16 256 PICTURE.png ...

Prints a Markdown table. `error`: the mean squared error of the written picture (8-bit sRGB, summed
over channels), as a ratio to that of `quantize kmeans`, the geometric mean over the pictures.
`seconds`: the median over the pictures of the whole program's time, reading and writing included, of
the best of three runs; for scikit-learn of `KMeans(k).fit` alone. No program dithers. What is not
installed is left out.
"""

import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

RUNS = 3
QUANTIZE = Path(__file__).parent.parent / "target/release/quantize"


def program(*command):
    """Runs the command, which writes to `out`; returns its seconds and the picture."""

    def run(picture, k, out):
        arguments = [str(a).format(picture=picture, k=k, out=out) for a in command]
        start = time.perf_counter()
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        return seconds, np.asarray(Image.open(out).convert("RGB"))

    return run


def scikit_learn(n_init):
    def run(picture, k, _):
        from sklearn.cluster import KMeans

        original = np.asarray(Image.open(picture).convert("RGB"))
        pixels = original.reshape(-1, 3).astype(np.float32)
        start = time.perf_counter()
        model = KMeans(k, n_init=n_init, random_state=0).fit(pixels)
        seconds = time.perf_counter() - start
        palette = np.rint(model.cluster_centers_).clip(0, 255).astype(np.uint8)
        return seconds, palette[model.labels_].reshape(original.shape)

    return run


def methods():
    def ours(effort):
        return program(
            QUANTIZE, "kmeans", "-k", "{k}", "--effort", effort, "-f", "-q", "-o", "{out}", "{picture}"
        )

    yield "quantize kmeans", ours("balanced")
    yield "quantize kmeans --effort fast", ours("fast")
    yield "quantize kmeans --effort best", ours("best")
    if shutil.which("pngquant"):
        pngquant = ("pngquant", "--nofs", "--force", "--output", "{out}", "{k}", "{picture}")
        yield "pngquant --nofs", program(*pngquant)
    if shutil.which("convert"):
        convert = ("convert", "{picture}", "+dither", "-colors", "{k}", "png8:{out}")
        yield "ImageMagick +dither -colors", program(*convert)
    try:
        import sklearn  # noqa: F401
    except ImportError:
        return
    yield "scikit-learn KMeans(n_init=1)", scikit_learn(1)


def main():
    ks = [int(a) for a in sys.argv[1:] if a.isdigit()]
    pictures = [a for a in sys.argv[1:] if not a.isdigit()]
    names = [name for name, _ in methods()]
    rows = {name: [name] for name in names}
    for k in ks:
        errors = {name: [] for name in names}
        seconds = {name: [] for name in names}
        for picture in pictures:
            original = np.asarray(Image.open(picture).convert("RGB")).astype(float)
            best = dict.fromkeys(names, math.inf)
            for turn in range(RUNS):
                for name, run in methods():
                    if turn > 0 and name.startswith("scikit"):
                        continue
                    with tempfile.TemporaryDirectory() as folder:
                        time_taken, result = run(picture, k, Path(folder) / "out.png")
                    best[name] = min(best[name], time_taken)
                    if turn == 0:
                        errors[name].append(((original - result) ** 2).sum(2).mean())
            for name in names:
                seconds[name].append(best[name])
        for name in names:
            ratios = [a / b for a, b in zip(errors[name], errors[names[0]])]
            rows[name].append(f"{statistics.geometric_mean(ratios):.3f}")
            rows[name].append(f"{statistics.median(seconds[name]):.3f}")
    print("| |" + "".join(f" k = {k}: error | seconds |" for k in ks))
    print("| --- |" + " --- | --- |" * len(ks))
    for row in rows.values():
        print("| " + " | ".join(row) + " |")


main()
