"""The page of --html in Chromium: it works, looks the same without a network, and takes names as text.

usage: python tests/browser/report.py QUANTIZE FOLDER

QUANTIZE is the program; pages and screenshots go to FOLDER, among them report.png, the picture of
README.md. It needs chromium, and websocket-client from PyPI.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from devtools import Browser

QUANTIZE = os.path.abspath(sys.argv[1])
FOLDER = Path(sys.argv[2])

# A path whose parts make it end a script, open an element and set attributes, if it is not escaped.
HOSTILE = """<b id=made><!--'"><img src=x onerror=made()><""" + """/script><b onclick='made()'>&amp;\u2028.jpg"""


def quantize(*arguments):
    subprocess.run([QUANTIZE, *arguments, "-q", "--force"], cwd=FOLDER, check=True)


def check(what, holds):
    if not holds:
        sys.exit(f"FAILED: {what}")
    print(what)


def pages():
    quantize("gmm", "-k", "5", "builtin:flower.jpg", "--html", "one.html")
    quantize("kmeans", "-k", "3", "builtin:china.jpg", "-o", "small.png")
    hostile = FOLDER / HOSTILE
    hostile.parent.mkdir(parents=True, exist_ok=True)
    hostile.write_bytes((FOLDER / "small.png").read_bytes())
    (FOLDER / "broken.png").write_bytes(b"no picture")
    several = ["small.png", "builtin:china.jpg", HOSTILE, "broken.png"]
    arguments = ["kmeans", "-k", "8", *several, "-o", "out/", "--html", "many.html", "-q", "--force"]
    (FOLDER / "out").mkdir(exist_ok=True)
    failed = subprocess.run([QUANTIZE, *arguments], cwd=FOLDER, stderr=subprocess.DEVNULL).returncode
    check("a page is written though a picture of several fails", failed == 1)


def slider(tab):
    split = "parseFloat(document.querySelector('.handle').style.left) / document.querySelector('.view').clientWidth"
    at = lambda: tab.evaluate(split)
    check("the slider begins in the middle", abs(at() - 0.5) < 0.01)
    tab.evaluate("document.querySelector('.slider input').focus()")
    for _ in range(10):
        tab.key("ArrowRight")
    check("arrow keys move it", abs(at() - 0.55) < 0.01)
    x, y = tab.center(".handle")
    tab.drag((x, y), (x - 150, y))
    moved = at()
    check("the mouse drags it", moved < 0.45)
    x, y = tab.center(".handle")
    tab.touch((x, y), (x + 100, y))
    check("a finger drags it", at() > moved + 0.05)
    clip = tab.evaluate("document.querySelector('.before').style.clipPath")
    check("the original ends where the handle is", re.match(r"inset\(0(px)? [\d.]+px 0(px)? 0(px)?\)", clip))


def zoom(tab):
    width = "document.querySelector('.stage').clientWidth"
    tab.click("[data-zoom='8']")
    check("8x shows a pixel on 8", tab.evaluate(width) == 8 * 640)
    rendering = "getComputedStyle(document.querySelector('.stage img')).imageRendering"
    check("enlarged pixels have edges", tab.evaluate(rendering) == "pixelated")
    tab.evaluate("document.querySelector('.view').focus()")
    tab.key("-", "-")
    check("minus makes it smaller", tab.evaluate(width) == 4 * 640)
    tab.click("[data-zoom='0']")


def copying(tab):
    color = tab.evaluate("document.querySelector('[data-copy^=\"#\"]').dataset.copy")
    tab.click(".palette [data-copy]")
    tab.wait_until("document.getElementById('said').textContent !== ''")
    check("a click copies a color and says so", tab.evaluate("document.getElementById('said').textContent") == f"Copied {color}")
    check("it is on the clipboard", tab.evaluate("navigator.clipboard.readText()") == color)
    shown = tab.evaluate("document.querySelectorAll('.palette li').length")
    check("there is a color for each of 5 components", shown == 5)


def plot(tab):
    picture = "document.querySelector('canvas').toDataURL()"
    tab.center("canvas")
    tab.wait_until("document.querySelector('canvas').width > 300")
    frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    views = []

    def changed(what):
        tab.evaluate(frames)
        views.append(tab.evaluate(picture))
        check(what, views.count(views[-1]) == 1)

    changed("the plot is drawn")
    x, y = tab.center("canvas")
    tab.drag((x, y), (x + 90, y + 40))
    changed("the mouse turns it")
    tab.evaluate("document.querySelector('canvas').focus()")
    tab.key("ArrowLeft")
    changed("arrow keys turn it")
    x, y = tab.center("canvas")
    tab.touch((x, y), (x - 60, y))
    changed("a finger turns it")
    tab.evaluate("document.querySelector('canvas').focus()")
    tab.key("0", "0")
    tab.evaluate(frames)
    check("0 puts it back", tab.evaluate(picture) == views[0])
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    tab.click("[data-space='oklab']")
    changed("Oklab is another space")
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(FOLDER.resolve()))
    tab.click(".save")
    tab.wait_until("document.getElementById('said').textContent.startsWith('Saved')")
    saved = FOLDER / "flower-oklab.png"
    tab.wait_until("new Promise((done) => setTimeout(done, 300, true))")
    check("it is saved as a PNG", saved.read_bytes().startswith(b"\x89PNG"))
    milliseconds = tab.evaluate(
        """(async () => {
            const canvas = document.querySelector("canvas");
            const times = [];
            for (let i = 0; i < 20; i++) {
                canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
                await new Promise((done) => requestAnimationFrame(done));
                times.push(performance.now());
            }
            return (times.at(-1) - times[0]) / (times.length - 1);
        })()"""
    )
    print(f"a frame of the plot: {milliseconds:.1f} ms")
    tab.click("[data-space='rgb']")


def table(tab):
    names = "[...document.querySelectorAll('tbody th')].map((cell) => cell.textContent)"
    first = tab.evaluate(names)
    check("the table names all pictures", len(first) == 4 and "small.png" in first)
    tab.click("thead button")
    check("a click sorts it by name", tab.evaluate(names) == sorted(first, key=str.casefold) or tab.evaluate(names) != first)
    sorted_by = "document.querySelector('[aria-sort]').ariaSort"
    check("and it says so", tab.evaluate(sorted_by) == "ascending")
    up = tab.evaluate(names)
    tab.click("thead button")
    check("another click turns it over", tab.evaluate(names) == up[::-1])


def hostile(tab):
    check("a hostile name makes no element", tab.evaluate("document.querySelectorAll('#made, [onerror], [onclick], main b').length") == 0)
    names = tab.evaluate("[...document.querySelectorAll('h2')].map((title) => title.textContent)")
    check("it is shown as it is", HOSTILE in names)
    alt = tab.evaluate("[...document.querySelectorAll('img')].map((img) => img.alt)")
    check("in attributes too", f"{HOSTILE}, the original" in alt)
    stem = HOSTILE.rsplit("/", 1)[1].removesuffix(".jpg")
    data = "[...document.querySelectorAll('script[type]')].map((script) => JSON.parse(script.textContent).name)"
    check("and in JSON", stem in tab.evaluate(data))


def no_overflow(tab, what):
    wider = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
    check(f"nothing is wider than {what}", wider <= 0)


def printing(tab):
    tab.open(FOLDER / "many.html")
    tab.call("Page.printToPDF")
    is_drawn = "(c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"
    drawn = tab.evaluate(f"[...document.querySelectorAll('canvas')].map({is_drawn})")
    check("printing draws the plots that nobody came by, too", drawn == [True] * 3)


def looks(tab):
    """Screenshots of what people see."""
    shots = {
        "wide": {"width": 1280, "height": 900},
        "wide-dark": {"width": 1280, "height": 900, "dark": True},
        "phone": {"width": 390, "height": 844, "scale": 2, "mobile": True},
        "phone-dark": {"width": 390, "height": 844, "scale": 2, "mobile": True, "dark": True},
        "print": {"width": 800, "height": 1100, "media": "print"},
    }
    for page in ("one", "many"):
        for name, window in shots.items():
            tab.window(**window)
            tab.open(FOLDER / f"{page}.html")
            tab.evaluate("new Promise((done) => setTimeout(done, 300))")
            no_overflow(tab, f"the window ({page}, {name})")
            tab.screenshot(FOLDER / f"{page}-{name}.png", whole=True)


def without_script(tab):
    tab.window(1280, 900)
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(FOLDER / "one.html")
    tab.screenshot(FOLDER / "one-without-script.png", whole=True)
    tab.call("Emulation.setScriptExecutionDisabled", value=False)
    shown = tab.evaluate("[...document.querySelectorAll('.stage img')].filter((img) => img.clientWidth > 200).length")
    check("without script both pictures are there", shown == 2)
    hidden = "[...document.querySelectorAll('.tools, canvas')].every((part) => part.clientWidth === 0)"
    check("and nothing that needs one", tab.evaluate(hidden))
    check("and colors and figures", tab.evaluate("document.querySelectorAll('.palette li, dd').length") > 10)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages()
    with Browser() as browser:
        tab = browser.tab
        tab.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        tab.window(1280, 900)
        tab.open(FOLDER / "one.html")
        slider(tab)
        zoom(tab)
        copying(tab)
        plot(tab)
        tab.open(FOLDER / "many.html")
        table(tab)
        hostile(tab)
        printing(tab)
        looks(tab)
        without_script(tab)
        tab.window(1180, 1520)
        tab.open(FOLDER / "one.html")
        tab.evaluate("new Promise((done) => setTimeout(done, 300))")
        tab.screenshot(FOLDER / "screenshot.png")
        check(f"the console is silent {tab.complaints}", not tab.complaints)
        elsewhere = [url for url in tab.requests if not url.startswith(("file:", "data:", "blob:"))]
        check(f"nothing is asked of the network {elsewhere}", not elsewhere)
    # As small as the program makes it.
    quantize("kmeans", "-k", "128", "--optimize", "screenshot.png", "-o", "report.png")


main()
