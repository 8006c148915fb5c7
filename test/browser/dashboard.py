#!/usr/bin/env python3
"""
Opens pages of dashboard() in a headless Chromium and looks at them as a reader would. Prints TAP.

    dashboard.py OUTPUT PAGE...

Each page is opened at 360, 768 and 1440 pixels, in the light and in the dark, as it is and with everything folded out: nothing
may overflow or overlap, every text has a contrast of 4.5:1, every drawing has a name, and nothing is asked of any server but
the page itself. Screenshots go to the directory OUTPUT.
"""
import http.server
import os
import sys
import threading
import unicodedata

import chromium

WIDTHS = (360, 768, 1440)
SCHEMES = ("light", "dark")
HERE = os.path.dirname(os.path.abspath(__file__))

failures = 0
tests = 0


def ok(passed, name, details=()):
    global failures, tests
    tests += 1
    failures += not passed
    print(("ok" if passed else "not ok"), tests, "-", name, flush=True)
    for line in list(details)[:12] if not passed else ():
        print("#   " + str(line), flush=True)


class Server:
    """Serves the pages and remembers everything that is asked."""

    def __init__(self, pages):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                name = self.path.lstrip("/")
                body = pages.get(name)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = "http://127.0.0.1:%d/" % self.server.server_port


def lab(colour):
    """CIE L*a*b* of linear sRGB."""
    r, g, b = colour
    x, y, z = ((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505, 0.2126 * r + 0.7152 * g + 0.0722 * b,
               (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)
    f = [t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z)]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


# Vienot, Brettel and Mollon (1999, 10.1002/(SICI)1520-6378(199908)24:4<243::AID-COL5>3.0.CO;2-3): linear sRGB as dichromats see it
SIGHTS = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1)),
    "deutan": ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1)),
}


def nearest_colours(colours):
    """The smallest distance of two colours, over the kinds of colour vision."""
    linear = []
    for text in colours:
        values = [int(text.strip().lstrip("#")[i:i + 2], 16) / 255 for i in (0, 2, 4)]
        linear.append([v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values])
    least = (1e9, "")
    for sight, matrix in SIGHTS.items():
        labs = [lab([max(0, min(1, sum(m * c for m, c in zip(row, colour)))) for row in matrix]) for colour in linear]
        for i in range(len(labs)):
            for j in range(i + 1, len(labs)):
                distance = sum((p - q) ** 2 for p, q in zip(labs[i], labs[j])) ** 0.5
                least = min(least, (distance, f"{colours[i]} and {colours[j]} for {sight} vision"))
    return least


def look(browser, server, output, name, size):
    measure = open(os.path.join(HERE, "measure.js"), encoding="utf-8").read()
    ok(size < 300_000, f"{name}: below 300 kB", [f"{size} bytes"])
    for scheme in SCHEMES:
        for width in WIDTHS:
            where = f"{name}, {width} px, {scheme}"
            del server.asked[:]
            browser.events.clear()
            browser.page("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
            browser.page("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            browser.page("Page.navigate", url=server.address + name)
            browser.wait("Page.loadEventFired")
            for state in ("", ", folded out"):
                if state:
                    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                result = browser.evaluate(measure)
                found = result["found"]
                if not state:
                    browser.screenshot(os.path.join(output, f"{name[:-5]}-{width}-{scheme}.png"), width, result["height"])
                elif width != 768:
                    browser.screenshot(os.path.join(output, f"{name[:-5]}-{width}-{scheme}-open.png"), width, result["height"])
                ok(result["texts"] > 10 and result["width"] == width, where + state + ": the page is there", [result])
                ok(not found["overflow"], where + state + ": nothing overflows", found["overflow"])
                ok(not found["overlap"], where + state + ": no words of a chart lie on each other", found["overlap"])
                ok(not found["contrast"], where + state + ": every text has a contrast of 4.5:1", found["contrast"])
                ok(not found["strokes"], where + state + ": every line has a contrast of 3:1", found["strokes"])
            ok(not found["names"], where + ": a screen reader finds names and heads", found["names"])
            ok(not found["markup"], where + ": no markup but our own", found["markup"])
            asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
            foreign = [u for u in asked if u != server.address + name and not u.startswith("data:")]
            ok(not foreign and server.asked == ["/" + name], where + ": no request leaves the page", foreign + server.asked)
            trouble = [e["params"]["entry"]["text"] for e in browser.events if e["method"] == "Log.entryAdded"]
            ok(not trouble, where + ": the browser has nothing to complain of", trouble)
        palette = browser.evaluate("[0,1,2,3,4,5].map(i => getComputedStyle(document.documentElement).getPropertyValue('--c' + i))")
        distance, pair = nearest_colours(palette)
        ok(distance >= 15, f"{name}, {scheme}: colours of lines differ for every colour vision", [f"{pair}: {distance:.1f}"])

    # what assistive software is told, and what a printer gets
    browser.page("Accessibility.enable")
    nodes = browser.page("Accessibility.getFullAXTree")["nodes"]
    nameless = [n for n in nodes if not n.get("ignored") and n["role"]["value"] in ("image", "link", "DisclosureTriangle")
                and not n.get("name", {}).get("value", "").strip()]
    ok(not nameless, f"{name}: no image or link without a name", [n["role"]["value"] for n in nameless])
    browser.page("Emulation.setEmulatedMedia", media="print", features=[])
    white = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    ok(white == "rgb(255, 255, 255)", f"{name}: paper is white, also in the dark", [white])
    browser.page("Emulation.setEmulatedMedia", media="", features=[])


def hostile(browser, server, name):
    """What an attacker wrote is there to be read, and is nothing else."""
    browser.page("Page.navigate", url=server.address + name)
    browser.wait("Page.loadEventFired")
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    text = unicodedata.normalize("NFC", browser.evaluate("document.body.innerText + document.title"))
    for wanted in ("<script>", "<img src=x onerror=", "\"'><svg/onload="):
        ok(wanted in text, f"{name}: {wanted} is text")
    ok(browser.evaluate("document.scripts.length + document.images.length + document.querySelectorAll('iframe,object,embed').length") == 0,
       f"{name}: and no element")
    ok(browser.evaluate("window.pwned") is None, f"{name}: nothing of it ran")
    ok(not any(c in text for c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"), f"{name}: nothing turns the text around it")


def main():
    output, files = sys.argv[1], sys.argv[2:]
    path = chromium.find()
    if path is None:
        print("1..0 # skip there is no Chromium")
        return 0
    os.makedirs(output, exist_ok=True)
    pages = {os.path.basename(f): open(f, "rb").read() for f in files}
    server = Server(pages)
    browser = chromium.Chromium(path)
    try:
        for domain in ("Page", "Network", "Log", "Runtime"):
            browser.page(domain + ".enable")
        for name, body in pages.items():
            look(browser, server, output, name, len(body))
            if "hostile" in name:
                hostile(browser, server, name)
    finally:
        browser.close()
    print(f"1..{tests}")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
