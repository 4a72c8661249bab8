"""Cases of reliability that take a whole system: many files, little memory, other decoders.

usage: python reliability.py [--long] [--only CASE] [--corpus broken-images.tar.gz] QUANTIZE

Each case is a function named after its number and fails by an assertion. Needs Pillow; numpy is not
needed. What it skips it says.
"""

import argparse
import fcntl
import io
import os
import pty
import random
import re
import resource
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios
import time
import zlib
from pathlib import Path

from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
skipped = []


# Starts the program from a small process: the peak of a process counts that of the one it was forked from.
START = """
import os, sys
to = int(sys.argv[1])
_, status, usage = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
os.write(to, f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}".encode())
"""


class Run:
    """The program, run to its end: code, stderr, peak memory in bytes, seconds."""

    def __init__(self, *arguments, **keywords):
        read, write = os.pipe()
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", START, str(write), QUANTIZE, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[write],
            **keywords,
        )
        self.seconds = time.monotonic() - start
        os.close(write)
        with open(read, encoding="ascii") as result:
            code, peak = result.read().split()
        self.code, self.peak = int(code), int(peak) * 1024
        self.stderr = done.stderr.decode(errors="replace")
        assert "internal error" not in self.stderr and "panicked" not in self.stderr, self.stderr

    def __str__(self):
        return f"code {self.code}, {self.seconds:.1f} s, {self.peak / MIB:.0f} MiB, {self.stderr!r}"


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, color, rows, *others):
    """A PNG with these chunks before its pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    data = chunk(b"IHDR", header) + b"".join(others) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def photographs():
    return [Image.open(ROOT / "assets" / name).convert("RGB") for name in ("flower.jpg", "china.jpg")]


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def check_pngs(paths):
    for path in paths:
        with Image.open(path) as picture:
            assert picture.format == "PNG", path
            picture.load()


def a2_the_corpus_of_broken_pictures(folder):
    if CORPUS is None:
        skipped.append("A2: no corpus of broken pictures")
        return
    with tarfile.open(CORPUS) as archive:
        archive.extractall(folder / "corpus", filter="data")
    files = [path for path in sorted((folder / "corpus").rglob("*")) if path.is_file()]
    (folder / "list").write_bytes(b"\0".join(bytes(path) for path in files))
    (folder / "out").mkdir()
    run = Run("kmeans", "-k", 8, "--files-from", folder / "list", "-0", "--max-memory", "1G", "-q",
              "-o", folder / "out" / "{name}.png")
    assert run.code == 1, run
    assert run.peak < 1200 * MIB, run.peak
    assert run.seconds < 600, run.seconds
    written, failed = map(int, re.search(r"(\d+) written, 0 skipped, (\d+) failed", run.stderr).groups())
    outputs = list((folder / "out").iterdir())
    assert len(outputs) == written and written + failed == len(files), run.stderr.splitlines()[-1]
    Image.MAX_IMAGE_PIXELS = None
    check_pngs(outputs)
    return f"{written} written and read back, {failed} refused, {run.seconds:.0f} s, {run.peak / MIB:.0f} MiB"


def a4_bombs_are_refused_from_their_headers(folder):
    nothing = zlib.compress(b"")
    bombs = {
        "ihdr.png": png(65535, 65535, 8, 6, nothing),
        "b16k.png": png(16384, 16384, 8, 6, nothing),
        "gray1.png": png(30000, 30000, 1, 0, zlib.compress(bytes(3751 * 30000))),
        "bomb.gif": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;",
        "bomb.pgm": b"P5 65535 65535 255\n",
        "bomb.qoi": b"qoif" + struct.pack(">II", 20000, 20000) + b"\x04\0",
        "bomb.bmp": b"BM" + struct.pack("<IHHIIiiHHIIIIII", 70, 0, 0, 54, 40, 65535, 65535, 1, 24, 0, 0, 0, 0, 0, 0),
    }
    for name, data in bombs.items():
        (folder / name).write_bytes(data)
        run = Run("kmeans", folder / name)
        assert run.code == 1 and re.search(r"needs \d+ MiB of 2048 MiB \(--max-memory\)", run.stderr), (name, run)
        assert run.peak < 20 * MIB and run.seconds < 5, (name, run)
    for name, data in {"bomb.hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 65535 +X 65535\n",
                       "bomb.ff": b"farbfeld" + b"\xff" * 8}.items():
        (folder / name).write_bytes(data)
        run = Run("kmeans", folder / name)
        assert run.code == 1 and "unsupported format" in run.stderr, (name, run)
    assert names(folder) == sorted([*bombs, "bomb.hdr", "bomb.ff"])


def a5_chunks_that_inflate_without_end_take_little_memory(folder):
    zeros = zlib.compress(bytes(200 * MIB), 9)
    row = zlib.compress(b"\0\x10\x20\x30")
    for name, data in {"ztxt": b"Comment\0\0" + zeros, "iccp": b"profile\0\0" + zeros}.items():
        path = folder / f"{name}.png"
        path.write_bytes(png(1, 1, 8, 2, row, chunk({"ztxt": b"zTXt", "iccp": b"iCCP"}[name], data)))
        run = Run("kmeans", "-k", 2, path)
        assert run.code in (0, 1) and run.peak < 300 * MIB, (name, run)


def a6_files_that_are_cut_are_refused(folder):
    picture = photographs()[0].crop((0, 0, 300, 200))
    cuts = {}
    for format in ("PNG", "GIF", "WEBP", "BMP", "TIFF"):
        cuts[format] = (picture, format, {}, [0.5])
    for progressive in (False, True):
        cuts[f"JPEG{progressive}"] = (picture, "JPEG", {"progressive": progressive}, [0.25, 0.5, 0.75, 0.99])
    for name, (picture, format, options, shares) in cuts.items():
        whole = io.BytesIO()
        picture.save(whole, format, **options)
        whole = whole.getvalue()
        for share in shares:
            path = folder / f"{name}-{share}"
            path.write_bytes(whole[: int(share * len(whole))])
            run = Run("kmeans", path)
            # Why, and how many.
            assert run.code == 1 and len(run.stderr.splitlines()) == 2, (name, share, run)
            path.unlink()
    assert names(folder) == []


def check_same(path, expected):
    """Whether a picture has these pixels where they can be seen."""
    blank = Image.new("RGBA", expected.size)
    seen, expected = (Image.composite(p, blank, p.getchannel("A").point(lambda a: 255 * (a > 0)))
                      for p in (Image.open(path).convert("RGBA"), expected.convert("RGBA")))
    assert seen.tobytes() == expected.tobytes(), path


def a9_pictures_come_out_upright(folder):
    picture = photographs()[0].crop((0, 0, 12, 20))
    for orientation in range(1, 9):
        path, exif = folder / f"{orientation}.png", Image.Exif()
        exif[0x0112] = orientation
        picture.save(path, exif=exif)
        run = Run("kmeans", "-k", 256, "-q", path, "-o", folder / "out.png", "-f")
        assert run.code == 0, run
        check_same(folder / "out.png", ImageOps.exif_transpose(Image.open(path)))


def a10_every_kind_of_pixels_keeps_its_colors(folder):
    photo = photographs()[0].crop((200, 100, 216, 116))
    gray, indexed = photo.convert("L"), photo.quantize(40)
    kinds = {"bits": photo.convert("1"), "gray": gray, "soft": Image.merge("LA", (gray, ImageOps.invert(gray))),
             "indexed": indexed}
    for name, picture in kinds.items():
        options = {"transparency": bytes([0, 90, 255])} if name == "indexed" else {}
        picture.save(folder / f"{name}.png", **options)
    levels = [0, 100, 20000, 40000, 65535]
    rows = (b"".join(struct.pack(">H", levels[(x + y) % 5]) for x in range(9)) for y in range(6))
    (folder / "fine.png").write_bytes(png(9, 6, 16, 0, zlib.compress(b"".join(b"\0" + row for row in rows))))
    for name in [*kinds, "fine"]:
        run = Run("kmeans", "-k", 256, "-q", folder / f"{name}.png", "-o", folder / "out.png", "-f")
        assert run.code == 0, (name, run)
        if name == "fine":
            expected = Image.new("L", (9, 6))
            expected.putdata([round(levels[(x + y) % 5] / 257) for y in range(6) for x in range(9)])
        else:
            expected = Image.open(folder / f"{name}.png")
        check_same(folder / "out.png", expected)
    photo.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    run = Run("kmeans", "-k", 256, "-q", folder / "cmyk.jpg", "-o", folder / "out.png", "-f")
    assert run.code == 0, run
    ours, theirs = (Image.open(folder / name).convert("RGB") for name in ("out.png", "cmyk.jpg"))
    apart = sum(abs(a - b) for a, b in zip(ours.tobytes(), theirs.tobytes())) / (3 * 256)
    assert apart < 8, f"CMYK is {apart} a channel away from what Pillow makes of it"


def degenerate_pictures():
    noise = random.Random(0)
    flat = lambda size, color: Image.new("RGB", size, color)
    ramp = flat((256, 4), 0)
    ramp.putdata([(v, v, v) for v in range(256)] * 4)
    line = flat((64, 4), 0)
    line.putdata([(v, 2 * v, 255 - v) for v in range(64)] * 4)
    plane = flat((40, 40), 0)
    plane.putdata([(4 * (i % 40), 6 * (i // 40), 100) for i in range(1600)])
    five = flat((50, 10), 0)
    five.putdata([[(0, 0, 0), (255, 0, 0), (0, 255, 0), (9, 9, 200), (250, 250, 250)][i % 5] for i in range(500)])
    white = flat((100, 100), 0)
    white.putdata([tuple(noise.randrange(256) for _ in range(3)) for _ in range(10000)])
    clear = Image.new("RGBA", (20, 20), (200, 30, 7, 0))
    alpha = Image.new("RGBA", (256, 2))
    alpha.putdata([(10, 200, 30, v) for v in range(256)] * 2)
    two = flat((9, 9), (1, 2, 3))
    two.putpixel((4, 4), (200, 100, 0))
    fine = b"".join(b"\0" + b"".join(struct.pack(">HHH", *[30000 + (i + j) % 97] * 3) for i in range(50)) for j in range(50))
    return {
        "one.png": flat((1, 1), (7, 7, 7)), "column.png": plane.crop((3, 0, 4, 40)), "flat.png": flat((30, 20), (9, 8, 7)),
        "two.png": two, "ramp.png": ramp, "line.png": line, "plane.png": plane, "five.png": five, "noise.png": white,
        "clear.png": clear, "alpha.png": alpha, "fine.png": png(50, 50, 16, 2, zlib.compress(fine)),
    }


def b1_degenerate_pictures(folder):
    (folder / "in").mkdir()
    for name, picture in degenerate_pictures().items():
        if isinstance(picture, bytes):
            (folder / "in" / name).write_bytes(picture)
        else:
            picture.save(folder / "in" / name)
    count = len(names(folder / "in"))
    for method in (["kmeans"], *(["gmm", "--covariance", kind] for kind in ("full", "tied", "diag", "spherical"))):
        for k in (1, 2, 16, 256):
            out = folder / "-".join([*method, str(k)])
            out.mkdir()
            run = Run(*method, "-k", k, "-q", folder / "in", "-o", f"{out}/")
            assert run.code == 0, (method, k, run)
            check_pngs(out.iterdir())
            assert len(names(out)) == count
            for name in ("one", "flat", "two", "five"):
                if k >= 16:
                    original = Image.open(folder / "in" / f"{name}.png").convert("RGB")
                    result = Image.open(out / f"{name}-{method[0]}{k}.png").convert("RGB")
                    assert original.tobytes() == result.tobytes(), (method, k, name)
    return f"{count} pictures, 4 numbers of colors, k-means and 4 kinds of mixtures"


def b3_the_same_bytes_each_time_and_for_any_number_of_threads(folder):
    photographs()[1].crop((0, 0, 200, 150)).save(folder / "a.png")
    for method in ("kmeans", "gmm"):
        results = set()
        for repetition in range(5):
            for threads in (1, 2, 3, 8):
                run = Run(method, "-k", 12, "--seed", 3, "-j", threads, "-f", "-q", folder / "a.png", "-o", folder / "b.png")
                assert run.code == 0, run
                results.add((folder / "b.png").read_bytes())
        assert len(results) == 1, f"{len(results)} different files by {method}"


def peak_memory_is_what_was_claimed(folder):
    """What D7 and section 2.4 rest on: the need that a refusal names bounds what is used."""
    n = 1000
    values = random.Random(1)
    for channels, kind in ((3, "RGB"), (4, "RGB_ALPHA")):
        for most in (255, 65535):
            for noisy in (True, False):
                size = n * n * channels * (1 if most == 255 else 2)
                data = values.randbytes(size) if noisy else bytes(i % 64 for i in range(4096)) * (size // 4096 + 1)
                path = folder / "a.pam"
                path.write_bytes(f"P7\nWIDTH {n}\nHEIGHT {n}\nDEPTH {channels}\nMAXVAL {most}\nTUPLTYPE {kind}\nENDHDR\n".encode() + data[:size])
                for method in ("kmeans", "gmm"):
                    fit = (method, "-k", 4, "--effort", "fast", "-q", "-f", path, "-o", folder / "b.png")
                    need = 1
                    while True:
                        run = Run(*fit, "--max-memory", f"{need}M")
                        if run.code == 0:
                            break
                        need = int(re.search(r"needs (\d+) MiB", run.stderr)[1])
                    # The program itself, its threads and a model.
                    assert run.peak < (need + 24) * MIB, (channels, most, noisy, method, need, run)


def c7_what_the_system_forbids_fails_with_its_reason(folder):
    if os.geteuid() != 0:
        # The test of the same number in tests/cli runs as whoever runs it.
        return
    quantize, tile = folder / "quantize", photographs()[0].crop((0, 0, 20, 20))
    shutil.copy(QUANTIZE, quantize)
    for name in ("in", "closed", "out"):
        (folder / name).mkdir()
    for name in ("in/a.png", "in/secret.png", "closed/b.png"):
        tile.save(folder / name)
    for name, mode in {".": 0o755, "in/secret.png": 0, "closed": 0o555, "out": 0o777}.items():
        (folder / name).chmod(mode)

    def run(*arguments):
        command = [quantize, "kmeans", "-q", *(folder / a if "/" in a else a for a in arguments)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, user=65534, group=65534, extra_groups=[])
        assert done.stderr.count("Permission denied\n") == 1, (arguments, done)
        return done.returncode

    assert run("in/secret.png", "in/a.png", "-o", "out/") == 1
    assert run("closed/b.png") == 1
    assert run("in/a.png", "-o", "closed/") in (1, 2)
    assert names(folder / "out") == ["a-kmeans16.png"]
    assert names(folder / "closed") == ["b.png"] and names(folder / "in") == ["a.png", "secret.png"]


def d1_2000_files_of_which_37_are_broken(folder):
    (folder / "in").mkdir()
    tile = photographs()[0].crop((100, 100, 116, 112))
    buffer = io.BytesIO()
    tile.save(buffer, "PNG")
    broken = set(random.Random(2).sample(range(2000), 37))
    for i in range(2000):
        data = buffer.getvalue()
        (folder / "in" / f"{i:04}.png").write_bytes(data[:50] if i in broken else data)
    (folder / "out").mkdir()
    run = Run("kmeans", "-k", 4, "-j", 8, "-q", folder / "in", "-o", folder / "out")
    assert run.code == 1, run
    lines = run.stderr.splitlines()
    assert lines[-1].endswith("1963 written, 0 skipped, 37 failed"), lines[-1]
    assert [int(re.search(r"(\d{4})\.png", line)[1]) for line in lines[:-1]] == sorted(broken)
    assert len(names(folder / "out")) == 1963


def d5_no_name_speaks_to_the_terminal(folder):
    evil = b"\x1b]0;evil\x07\x1b[31m\xc2\x9b5m.png"
    for name in (b"a" + evil, b"b" + evil):
        shutil.copy(ROOT / "assets" / "flower.jpg", bytes(folder) + b"/" + name)
    (folder / "broken\x1b]0;evil\x07.png").write_bytes(b"text")
    ours, theirs = pty.openpty()
    # As wide as a name, so that a bar shows it.
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    command = [QUANTIZE, "gmm", "-k", "8", folder, "-v"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    said = b""
    try:
        while read := os.read(ours, 1 << 16):
            said += read
    except OSError:
        pass  # Linux ends a terminal that nobody writes to any more with an error.
    os.close(ours)
    assert process.wait() == 1, said
    assert b"evil" in said and b"\x1b[" in said, said
    for control in (b"\x1b]", b"\x07", b"\x1b[31m.png", b"\x1b[31m\xc2", b"\xc2\x9b"):
        assert control not in said, (control, said)


def long_d7_pictures_of_60_megapixels_share_a_budget(folder):
    large = photographs()[0].resize((10000, 6000), Image.Resampling.BICUBIC)
    large.save(folder / "00.jpg", quality=90)
    del large
    for i in range(1, 16):
        os.link(folder / "00.jpg", folder / f"{i:02}.jpg")
    (folder / "out").mkdir()
    run = Run("kmeans", "-k", 16, "-j", 8, "--max-memory", "1G", "-q", folder, "-o", folder / "out")
    assert run.code == 0, run
    assert run.peak < 1500 * MIB, run
    assert len(names(folder / "out")) == 16
    return f"{run.seconds:.0f} s, {run.peak / MIB:.0f} MiB"


def long_d8_50000_files_with_64_descriptors(folder):
    tile = photographs()[1].crop((100, 100, 108, 106))
    (folder / "in").mkdir()
    # Without the profile of the photograph: what many profiles cost is not the question here.
    tile.save(folder / "in" / "00000.png", icc_profile=None)
    for i in range(1, 50000):
        os.link(folder / "in" / "00000.png", folder / "in" / f"{i:05}.png")
    peaks = []
    for pattern in ("0[0-4]*", "*"):
        files = sorted((folder / "in").glob(f"{pattern}.png"))
        (folder / "list").write_bytes(b"\0".join(bytes(path) for path in files))
        out = folder / f"out{len(files)}"
        out.mkdir()
        run = Run("kmeans", "-k", 4, "-q", "--files-from", folder / "list", "-0", "-o", f"{out}/",
                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        assert run.code == 0, run
        assert len(names(out)) == len(files)
        peaks.append(run.peak / MIB)
    # A plan is a few names a picture.
    assert peaks[1] < peaks[0] + 120, peaks
    return f"{run.seconds:.0f} s, {peaks[0]:.0f} MiB for 5,000 files, {peaks[1]:.0f} MiB for 50,000"


def imagemagick():
    """Its program that converts; others have one of that name, too."""
    for name in ("magick", "convert", "/usr/bin/convert"):
        if path := shutil.which(name):
            version = subprocess.run([path, "-version"], capture_output=True, text=True)
            if "ImageMagick" in version.stdout:
                return path
    return None


def e1_500_outputs_are_read_alike_by_three_decoders(folder):
    (folder / "in").mkdir()
    choice = random.Random(3)
    for i, picture in enumerate(choice.choices(photographs(), k=50)):
        width, height = choice.choice([(1, 1), (1, 40), (7, 5), (33, 20), (64, 48), (100, 80)])
        left, top = choice.randrange(picture.width - width), choice.randrange(picture.height - height)
        tile = picture.crop((left, top, left + width, top + height))
        if i % 5 == 1:
            tile = tile.convert("L")
        elif i % 5 == 2:
            tile.putalpha(picture.convert("L").crop((top, 0, top + width, height)))
        elif i % 5 == 3:
            tile.putalpha(tile.convert("L").point(lambda v: 255 * (v > 100)))
        tile.save(folder / "in" / f"{i:02}.png")
    commands = [("kmeans", "-k", k) for k in (2, 3, 5, 16, 17, 100, 256)]
    commands += [("kmeans", "-k", 16, "--optimize"), ("gmm", "-k", 4), ("gmm", "-k", 9, "--optimize")]
    (folder / "out").mkdir()
    for i, command in enumerate(commands):
        run = Run(*command, "-q", folder / "in", "-o", f"{folder}/out/{i}-{{stem}}.png")
        assert run.code == 0, (command, run)
    outputs = sorted((folder / "out").iterdir())
    assert len(outputs) == 500
    ours = [Image.open(path).convert("RGBA") for path in outputs]
    readers = ["Pillow"]

    if magick := imagemagick():
        read = subprocess.run([magick, *map(str, outputs), "-depth", "8", "rgba:-"], capture_output=True, check=True)
        assert read.stdout == b"".join(picture.tobytes() for picture in ours), "ImageMagick reads other pixels"
        readers.append("ImageMagick")
    else:
        skipped.append("E1 by ImageMagick (not installed)")
    try:
        import pyvips
    except (ImportError, OSError):
        skipped.append("E1 by libvips (pyvips is not installed)")
    else:
        for path, picture in zip(outputs, ours):
            read = pyvips.Image.new_from_file(str(path)).colourspace("srgb").cast("uchar")
            if not read.hasalpha():
                read = read.bandjoin(255)
            assert read.write_to_memory() == picture.tobytes(), path
        readers.append("libvips")
    return "read by " + ", ".join(readers)


def main():
    for name, case in list(globals().items()):
        number = re.match(r"(long_)?([a-e]\d+|peak)_", name)
        if not number:
            continue
        if ONLY and number[2] != ONLY:
            continue
        if number[1] and not (LONG or ONLY):
            skipped.append(f"{number[2].upper()} (--long runs it)")
            continue
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            result = case(Path(folder))
            words = name.removeprefix("long_").replace("_", " ")
            print(f"{words}: passed in {time.monotonic() - start:.0f} s", f"({result})" if result else "", flush=True)
    for what in skipped:
        print("skipped:", what)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", metavar="CASE", help="such as a2")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("quantize", type=Path)
    arguments = parser.parse_args()
    LONG, ONLY, CORPUS = arguments.long, arguments.only, arguments.corpus
    QUANTIZE = arguments.quantize.resolve()
    sys.exit(main())
