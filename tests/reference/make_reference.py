"""Writes reference.json: what scikit-learn computes for the pictures beside it, from stated starting points.

    pip install scikit-learn==1.9.1 pillow numpy
    python make_reference.py

Colors are the PNG's own 8-bit sRGB values divided by 255, as float64, one row a pixel, row by row.
Inertia and counts follow one more assignment after the last update of the centroids, as in scikit-learn.
Centroids and means are (k, 3), covariances (k, 3, 3). Mixtures start from equal weights, the start's colors as means
and START_COVARIANCE times the identity as covariances.
Results are rounded to 12 significant digits, because later ones depend on the machine's BLAS.
"""
import json, warnings
from pathlib import Path
import numpy as np, sklearn
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

warnings.filterwarnings("ignore")
here = Path(__file__).parent
START_COVARIANCE = 0.02
REG_COVAR = 1e-6


def start_colors(x, k):
    """k distinct colors, evenly spaced in the sorted list of distinct colors (so that no generator is needed), each moved off
    the grid of bytes by its own small step, so that no two distances tie and no rounding decides an assignment."""
    u = np.unique(x, axis=0)
    steps = np.arange(1, k + 1)[:, None] * np.array([0.137, 0.271, 0.419]) / 255
    return u[np.linspace(0, len(u) - 1, k).round().astype(int)] + steps


def rounded(values):
    return np.vectorize(lambda v: float(f"{v:.12g}"))(values).tolist()


def kmeans(x, start, n):
    k = len(start)
    m = KMeans(k, init=start, n_init=1, max_iter=n, tol=0, algorithm="lloyd").fit(x)
    return {"k": k, "max_iter": n, "n_iter": int(m.n_iter_), "centroids": rounded(m.cluster_centers_), "inertia": rounded(m.inertia_),
            "counts": np.bincount(m.labels_, minlength=k).tolist()}


def gmm(x, start, kind, n):
    k = len(start)
    precisions = {"full": np.tile(np.eye(3), (k, 1, 1)), "tied": np.eye(3), "diag": np.ones((k, 3)), "spherical": np.ones(k)}[kind] / START_COVARIANCE
    # scikit-learn keeps the parameters with the best lower bound; with tol=0 that is the last iteration unless rounding ends it earlier
    g = GaussianMixture(k, covariance_type=kind, tol=0, reg_covar=REG_COVAR, max_iter=n, weights_init=np.full(k, 1 / k), means_init=start,
                        precisions_init=precisions).fit(x)
    # Written out in full, whatever the type.
    c = g.covariances_
    covariances = {"full": lambda: c, "tied": lambda: np.tile(c, (k, 1, 1)), "diag": lambda: np.stack([np.diag(v) for v in c]),
                   "spherical": lambda: c[:, None, None] * np.eye(3)}[kind]()
    return {"k": k, "covariance": kind, "max_iter": n, "n_iter": int(g.n_iter_), "weights": rounded(g.weights_), "means": rounded(g.means_),
            "covariances": rounded(covariances), "log_likelihood": rounded(g.score(x)), "bic": rounded(g.bic(x)), "aic": rounded(g.aic(x)),
            "counts": np.bincount(g.predict(x), minlength=k).tolist()}


pictures = {}
for png in sorted(here.glob("*.png")):
    x = np.asarray(Image.open(png).convert("RGB")).reshape(-1, 3) / 255.0
    starts = [start_colors(x, k) for k in (2, 5, 16)]
    pictures[png.name] = {
        "pixels": len(x),
        "distinct_colors": len(np.unique(x, axis=0)),
        "starts": {len(start): start.tolist() for start in starts},
        "kmeans": [kmeans(x, start, n) for start in starts for n in (1, 3, 1000)],
        "gmm": [gmm(x, start, kind, n) for start in starts for kind in ("full", "tied", "diag", "spherical") for n in (1, 10, 100)],
    }
reference = {"scikit_learn": sklearn.__version__, "pictures": pictures}
(here / "reference.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n")
