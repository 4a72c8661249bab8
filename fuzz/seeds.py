"""Small files for the fuzzer to begin with, in the folders where cargo-fuzz looks for them.

usage: python seeds.py QUANTIZE

Pictures are written by Pillow in each format that is read, palettes and models by the program.
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageCms

CORPUS = Path(__file__).parent / "corpus"

# In the order of Format::ALL.
PALETTES = ["gpl", "hex", "txt", "json", "css", "act", "aco", "ase", "pal", "png"]


def folder(target):
    path = CORPUS / target
    path.mkdir(parents=True, exist_ok=True)
    return path


def pictures(path):
    soft = Image.new("RGBA", (9, 7))
    soft.putdata([(x * 28, y * 36, x * y * 4, 255 - 20 * x) for y in range(7) for x in range(9)])
    opaque = soft.convert("RGB")
    turned = Image.Exif()
    turned[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture = soft.convert("L").convert("I").convert("I;16") if kind == "I;16" else soft.convert(kind)
        picture.save(path / f"{kind.replace(';', '')}.png")
    opaque.save(path / "profile.png", icc_profile=profile, dpi=(72, 72))
    opaque.save(path / "turned.png", exif=turned)
    soft.save(path / "frames.png", save_all=True, append_images=[soft.rotate(180)])
    opaque.save(path / "plain.jpg", exif=turned)
    opaque.save(path / "progressive.jpg", progressive=True)
    opaque.convert("L").save(path / "gray.jpg", icc_profile=profile)
    opaque.convert("CMYK").save(path / "cmyk.jpg")
    opaque.save(path / "frames.gif", save_all=True, append_images=[opaque.rotate(180)])
    soft.save(path / "lossless.webp", lossless=True)
    soft.save(path / "lossy.webp", exif=turned)
    soft.save(path / "frames.webp", save_all=True, append_images=[soft.rotate(180)])
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        opaque.save(path / f"{compression}.tiff", compression=compression)
    opaque.convert("CMYK").save(path / "cmyk.tiff")
    soft.save(path / "soft.ico", sizes=[(9, 7)])
    soft.save(path / "headless.ico", sizes=[(9, 7)], bitmap_format="bmp")
    opaque.convert("P").save(path / "palette.bmp")
    for name in ("soft.bmp", "soft.tga"):
        soft.save(path / name)
    opaque.save(path / "runs.tga", compression="tga_rle")
    for name in ("rgb.ppm", "gray.pgm", "black.pbm"):
        opaque.convert({"ppm": "RGB", "pgm": "L", "pbm": "1"}[name[-3:]]).save(path / name)
    # Four pixels of one color, then the end (qoiformat.org).
    (path / "flat.qoi").write_bytes(b"qoif\0\0\0\2\0\0\0\2\4\0" + b"\xfe\x20\x40\x60\xc2" + b"\0" * 7 + b"\1")


def main(quantize):
    pictures(folder("decode"))
    picture = CORPUS / "decode" / "RGBA.png"

    def run(*arguments):
        command = [quantize, *arguments, "-q", "--force", picture, "-o", CORPUS / "result.png"]
        subprocess.run(command, check=True)

    palettes = folder("palette")
    for i, extension in enumerate(PALETTES):
        path = palettes / f"three.{extension}"
        run("kmeans", "-k", "3", "--save-palette", path)
        path.write_bytes(bytes([i]) + path.read_bytes())
    models = folder("model")
    run("kmeans", "-k", "3", "--save-model", models / "kmeans.json")
    for kind in ("full", "tied", "diag", "spherical"):
        run("gmm", "-k", "2", "--covariance", kind, "--save-model", models / f"{kind}.json")
    (CORPUS / "result.png").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
