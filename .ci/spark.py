"""Whether examples/spark gives what one machine gives, byte for byte: in one process, on two workers, and
when one of these is killed.
usage: python .ci/spark.py QUANTIZE SCRATCH, in a Python with pyspark, pandas, pyarrow and pillow
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyspark
from PIL import Image

REPO = Path(__file__).resolve().parent.parent
JOB = REPO / "examples/spark/collection.py"
HOME = Path(pyspark.__file__).parent
TILES = 120
COLORS = 24
SAVE = {"kmeans": ("--save-palette", "gpl"), "gmm": ("--save-model", "json")}

os.environ |= {
    "SPARK_HOME": str(HOME),
    "SPARK_LOCAL_IP": "127.0.0.1",
    "PYSPARK_PYTHON": sys.executable,
}


def make_tiles(folder):
    """Tiles of the built-in pictures in two folders, half of them JPEG, and a broken picture."""
    for name in ("flower", "china"):
        (folder / name).mkdir(parents=True)
        with Image.open(REPO / f"assets/{name}.jpg") as picture:
            for i in range(TILES // 2):
                left, top = 53 * (i % 10), 47 * (i // 10)
                tile = picture.crop((left, top, left + 160, top + 120))
                tile.save(folder / name / f"{i:03}.{'png' if i % 2 else 'jpg'}")
    (folder / "china/broken.png").write_bytes(b"this is text")


def files(folder):
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".crc")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


class Standalone:
    """A master and two workers on the loopback address."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.processes = [self.start("master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")]
        self.master = self.wait_for("master.Master0.log", r"Starting Spark master at (spark://\S+)")
        for _ in range(2):
            work = ["--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", scratch / "work"]
            self.processes.append(self.start("worker.Worker", "--host", "127.0.0.1", *work, self.master))
        for i in (1, 2):
            self.wait_for(f"worker.Worker{i}.log", r"(Successfully registered)")

    def start(self, name, *arguments):
        log = open(self.scratch / f"{name}{len(getattr(self, 'processes', []))}.log", "wb")
        command = [HOME / "bin/spark-class", f"org.apache.spark.deploy.{name}", *arguments]
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def wait_for(self, log, pattern):
        for _ in range(600):
            found = re.search(pattern, (self.scratch / log).read_text())
            if found:
                return found[1]
            time.sleep(0.1)
        raise TimeoutError(f"{log} never said {pattern}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def without_name(path):
    """The lines of a palette or a model, but not the name that a palette has from its file."""
    return [line for line in path.read_bytes().splitlines() if not line.startswith(b"Name: ")]


def submit(quantize, scratch, master, method, name, kill=None):
    """Runs the job, compares what it wrote, and returns how long it took. `kill` is killed when some pictures
    are written."""
    output, saved = scratch / name, scratch / f"{name}.{SAVE[method][1]}"
    conf = ["--conf", "spark.sql.files.maxPartitionBytes=16m", "--conf", "spark.ui.enabled=false"]
    command = [HOME / "bin/spark-submit", "--master", master, "--executor-memory", "512m", *conf, JOB]
    options = ["--quantize", quantize, "--method", method, "-k", str(COLORS), "--batch", "4", "--save", saved]
    start = time.monotonic()
    with open(scratch / f"{name}.log", "wb") as log:
        job = subprocess.Popen([*command, *options, scratch / "in", output], stdout=log, stderr=log)
        if kill:
            while job.poll() is None and len(files(output)) < 10:
                time.sleep(0.05)
            kill.send_signal(signal.SIGKILL)
        code = job.wait()
    seconds = time.monotonic() - start
    said = (scratch / f"{name}.log").read_text()
    assert code == 1, f"exit code {code}, see {name}.log:\n{said[-3000:]}"
    assert "china/broken.png: not a picture" in said, said[-3000:]
    assert f"{TILES} written, 1 failed" in said, said[-3000:]
    if kill:
        assert "Lost executor" in said, "no executor was lost: the job was over already"
    expected = scratch / f"expected-{method}"
    assert files(output) == files(expected), f"{name} differs from {expected}"
    assert without_name(saved) == without_name(scratch / f"expected-{method}.{SAVE[method][1]}")
    print(f"{name}: {TILES} pictures are the same bytes, {seconds:.1f} s", flush=True)


def main():
    quantize, scratch = sys.argv[1], Path(sys.argv[2])
    make_tiles(scratch / "in")
    for method, (save, ending) in SAVE.items():
        expected = scratch / f"expected-{method}"
        expected.mkdir()
        command = [quantize, method, "-k", str(COLORS), "--shared-palette", "-q", "-r", scratch / "in"]
        saved = scratch / f"expected-{method}.{ending}"
        done = subprocess.run([*command, "-o", expected / "{dir}/{name}.png", save, saved])
        assert done.returncode == 1, "the broken picture fails, and nothing else"
    submit(quantize, scratch, "local[2]", "kmeans", "local-kmeans")
    submit(quantize, scratch, "local[2]", "gmm", "local-gmm")
    with Standalone(scratch) as cluster:
        submit(quantize, scratch, cluster.master, "kmeans", "cluster-kmeans")
        submit(quantize, scratch, cluster.master, "kmeans", "killed-kmeans", kill=cluster.processes[1])


if __name__ == "__main__":
    main()
