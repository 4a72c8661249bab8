"""One palette, or one mixture, for a collection of pictures, and every picture in its colors, by Spark.

The colors of pictures merge by adding up their counts: at most 2^24 rows, whatever the number of pictures. So
each task counts the colors of its pictures, Spark adds them up by color, the driver fits one model to the
sums, and each task writes its pictures with it. The result is, byte for byte, that of one machine with
`quantize kmeans --shared-palette`. See the README beside this file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow.fs
import pyarrow.parquet as parquet
from pyspark.sql import SparkSession

PICTURES = "*.{png,jpg,jpeg,webp,gif,bmp,tif,tiff,pnm,pbm,pgm,ppm,qoi,tga,ico}"


def run(command, pictures, folder):
    """Runs quantize on the pictures of a batch, which it may find broken, and returns why they failed, by
    their place in the batch."""
    names = []
    for place, (path, content) in enumerate(zip(pictures["path"], pictures["content"])):
        name = folder / f"{place}{Path(path).suffix}"
        name.write_bytes(content)
        names.append(os.fsencode(name))
    done = subprocess.run(
        [*command, "-j", "1", "--report", "json", "--files-from", "-", "-0"],
        input=b"\0".join(names),
        capture_output=True,
    )
    # 1: some picture failed, and the others are done. Anything else is no fault of a picture: the task
    # fails, and Spark tries it again.
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.decode()}")
    lines = map(json.loads, done.stdout.splitlines())
    failed = [line for line in lines if line["status"] == "failed"]
    return {int(Path(line["input"]).stem): line["error"] for line in failed}


def count(quantize):
    """Of batches of pictures: their colors and counts, added up by batch."""

    def counted(batches):
        for pictures in batches:
            with tempfile.TemporaryDirectory() as folder:
                table = Path(folder) / "counts.parquet"
                run([quantize, "counts", "-o", table], pictures, Path(folder))
                # There is none when all pictures of a batch are broken.
                if table.exists():
                    yield parquet.read_table(table).to_pandas()

    return counted


def write(quantize, options, model, root, output):
    """Of batches of pictures: the pictures written with the model, and the path of each and why it
    failed."""

    def written(batches):
        name, content = model.value
        filesystem, top = pyarrow.fs.FileSystem.from_uri(output)
        for pictures in batches:
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                (folder / name).write_bytes(content)
                (folder / "out").mkdir()
                command = [quantize, *options, folder / name, "-o", folder / "out/{stem}.png"]
                errors = run(command, pictures, folder)
                for place, path in enumerate(pictures["path"]):
                    if place not in errors:
                        target = f"{top}/{path.removeprefix(root).lstrip('/')}.png"
                        put(filesystem, target, (folder / f"out/{place}.png").read_bytes())
            yield pd.DataFrame(
                {"path": pictures["path"], "error": [errors.get(i) for i in range(len(pictures))]}
            )

    return written


def put(filesystem, target, content):
    """Writes a file whole or not at all: a task may die, or run twice at a time."""
    temporary = f"{target}.{os.getpid()}.tmp"
    filesystem.create_dir(os.path.dirname(target))
    with filesystem.open_output_stream(temporary) as stream:
        stream.write(content)
    filesystem.move(temporary, target)


def fit(arguments, colors, folder):
    """Fits the model to a table of colors and counts, and returns the options that write pictures with it, and
    its file."""
    table = folder / "counts.parquet"
    colors.to_parquet(table, index=False)
    # A mixture gives each pixel its most probable component, which a palette cannot say.
    if arguments.method == "gmm":
        options, model, save = ["gmm", "--load-model"], folder / "model.json", "--save-model"
    else:
        options, model, save = ["remap", "--palette"], folder / "palette.gpl", "--save-palette"
    command = [arguments.quantize, arguments.method, "-k", str(arguments.colors), save, model]
    subprocess.run([*command, *arguments.option, "--counts", table], check=True)
    return options, model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("input", help="a folder of pictures, by any URI that Spark reads")
    parser.add_argument("output", help="where they go, by any URI that pyarrow writes")
    parser.add_argument("--method", choices=["kmeans", "gmm"], default="kmeans")
    parser.add_argument("-k", "--colors", type=int, default=16)
    parser.add_argument("--option", action="append", default=[], help="one more for the fit, like --option=--effort=best")
    parser.add_argument("--quantize", default="quantize", help="the program, on driver and workers")
    parser.add_argument("--save", type=Path, help="keep the palette or the model under this name")
    parser.add_argument("--batch", type=int, default=64, help="pictures that a task holds at a time")
    arguments = parser.parse_args()

    spark = SparkSession.builder.appName("quantize").getOrCreate()
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", arguments.batch)
    pictures = (
        spark.read.format("binaryFile")
        .option("recursiveFileLookup", "true")
        .option("pathGlobFilter", PICTURES)
        .load(arguments.input)
        .select("path", "content")
    )
    counted = pictures.mapInPandas(count(arguments.quantize), "color int, count long")
    colors = counted.groupBy("color").sum("count").toDF("color", "count").toPandas()
    with tempfile.TemporaryDirectory() as folder:
        options, file = fit(arguments, colors, Path(folder))
        if arguments.save:
            arguments.save.write_bytes(file.read_bytes())
        model = spark.sparkContext.broadcast((file.name, file.read_bytes()))

    hadoop = spark._jvm.org.apache.hadoop.fs.Path(arguments.input)
    files = hadoop.getFileSystem(spark._jsc.hadoopConfiguration())
    root = files.makeQualified(hadoop).toString()
    writer = write(arguments.quantize, options, model, root, arguments.output)
    written = pictures.mapInPandas(writer, "path string, error string").toPandas()
    failed = written[written["error"].notna()].sort_values("path")
    for path, error in zip(failed["path"], failed["error"]):
        print(f"{path}: {error}", file=sys.stderr)
    print(f"{len(written) - len(failed)} written, {len(failed)} failed", file=sys.stderr)
    spark.stop()
    sys.exit(1 if len(failed) else 0)


if __name__ == "__main__":
    main()
