"""Every link of the documents leads to a file that is there, and to a heading of it; every path of the code that they name is
there; and so is every test that docs/security.md names for a claim.

usage: check_links.py FOLDER
"""
import glob
import os
import re
import sys

EXAMPLES = {"agent/commands/event_show_as.cpp"}  # of CONTRIBUTING.md, of a file that is yet to be written


def anchor(heading):
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def headings(page):
    with open(page, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.S | re.M)
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def lost_paths(folder, text):
    """Paths in backticks that are neither a file nor the beginning of some files' names."""
    named = re.findall(r"`((?:agent|common|service|tests|installer|docs)/[\w./-]+)`", text)
    return [path for path in named if path not in EXAMPLES and not glob.glob(os.path.join(folder, path) + "*")]


def lost_tests(folder, text):
    """Names of tests, as in: test `a sentence`, `another one`."""
    titles = ""
    for source in glob.glob(os.path.join(folder, "tests", "**", "*.cpp"), recursive=True):
        with open(source, encoding="utf-8") as file:
            titles += re.sub(r'"\s*"', "", file.read())
    named = []
    for names in re.findall(r"\btests? ((?:`[^`]+`,?\s*)+)", text):
        named += [" ".join(name.split()) for name in re.findall(r"`([^`]+)`", names)]
    return named, [name for name in named if f'"{name}"' not in titles and not os.path.exists(os.path.join(folder, name))]


def main():
    folder = sys.argv[1]
    pages = [
        *glob.glob(os.path.join(folder, "*.md")),
        *glob.glob(os.path.join(folder, "docs", "**", "*.md"), recursive=True),
        os.path.join(folder, "tests", "stand_ins", "README.md"),
    ]
    dead, count, tests = [], 0, 0
    for page in sorted(pages):
        with open(page, encoding="utf-8") as file:
            text = file.read()
        dead += [f"{page}: there is no {path}" for path in lost_paths(folder, text)]
        if os.path.basename(page) == "security.md":
            named, lost = lost_tests(folder, text)
            tests += len(named)
            dead += [f"{page}: there is no test {name!r}" for name in lost]
        links = re.findall(r"\]\(([^)\s]+)\)", text)
        for link in links:
            if re.match(r"[a-z]+:", link):
                continue
            count += 1
            path, _, wanted = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if not os.path.exists(target) or (wanted and wanted not in headings(target)):
                dead.append(f"{page}: {link} leads nowhere")
    print(f"{count} links in {len(pages)} pages, {tests} tests")
    print("\n".join(dead), end="\n" if dead else "")
    return 1 if dead or count == 0 or tests == 0 else 0


sys.exit(main())
