"""Every link of the documents leads to a file that is there, and to a heading of it.

usage: check_links.py FOLDER
"""
import glob
import os
import re
import sys


def anchor(heading):
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def headings(page):
    with open(page, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.S | re.M)
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def main():
    folder = sys.argv[1]
    pages = [
        *glob.glob(os.path.join(folder, "*.md")),
        *glob.glob(os.path.join(folder, "docs", "**", "*.md"), recursive=True),
        os.path.join(folder, "tests", "stand_ins", "README.md"),
    ]
    dead, count = [], 0
    for page in sorted(pages):
        with open(page, encoding="utf-8") as file:
            links = re.findall(r"\]\(([^)\s]+)\)", file.read())
        for link in links:
            if re.match(r"[a-z]+:", link):
                continue
            count += 1
            path, _, wanted = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if not os.path.exists(target) or (wanted and wanted not in headings(target)):
                dead.append(f"{page}: {link} leads nowhere")
    print(f"{count} links in {len(pages)} pages")
    print("\n".join(dead), end="\n" if dead else "")
    return 1 if dead or count == 0 else 0


sys.exit(main())
