#!/usr/bin/env python3
"""Writes the inventory (SBOM) of one build of the agent as CycloneDX JSON: what is compiled in, linked in and loaded.

Nothing is listed by hand: ninja knows which headers and archives the program was made of, the loader which libraries it
loads, dpkg which package each file is of. The licences are what licences.json says of a source package. If what is inside the
program is not there, or not in the copyright file that ships, this ends with 1: somebody has to read a licence first.
("notice": false stands for headers that are interfaces alone.)

usage: inventory.py BUILD_FOLDER VERSION > FILE
"""
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

PROGRAM = "service/workestra-relay"
HERE = pathlib.Path(__file__).resolve().parent
INSIDE = ("linked in", "compiled in", "generated from")


def output(*command, cwd=None):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def headers_archives_and_data(build):
    """Files outside of the checkout that the program was made of, each with how."""
    inputs = output("ninja", "-t", "inputs", PROGRAM, cwd=build).split("\n")
    files = {}
    for name in inputs:
        if name.startswith("/usr/share/"):
            files[name] = "generated from"
        elif name.endswith(".a") and name.startswith("/"):
            files[name] = "linked in"
    objects = [name for name in inputs if name.endswith(".o") or name.endswith(".gch")]
    for line in output("ninja", "-t", "deps", *objects, cwd=build).split("\n"):
        header = line.strip()
        if line.startswith("    ") and header.startswith("/usr/"):
            files[os.path.normpath(header)] = "compiled in"
    return files


def loaded_libraries(program):
    return {line.split()[2]: "loaded" for line in output("ldd", str(program)).split("\n") if " => /" in line}


def package_of(files):
    """{file: binary package}, by dpkg, which knows a file by the name it was packed under."""
    wanted = {}
    for file in files:
        for name in {file, os.path.realpath(file)}:
            wanted[name] = file
            wanted[name.removeprefix("/usr")] = file
            if not name.startswith("/usr/"):
                wanted["/usr" + name] = file
    found = subprocess.run(["dpkg", "-S", *wanted], capture_output=True, text=True).stdout
    packages = {}
    for line in found.split("\n"):
        owner, separator, name = line.partition(": ")
        if separator and name in wanted:
            packages[wanted[name]] = owner.split(",")[0]
    return packages


def described(package):
    fields = "${source:Package}\t${source:Version}\t${Architecture}\t${Homepage}"
    return output("dpkg-query", "-W", "-f", fields, package).split("\t")


def private_libraries(files):
    """{source package: version} of the archives that common/libraries/build.sh made."""
    made = {}
    for file in files:
        versions = pathlib.Path(file).parent.parent / "versions"
        if file.endswith(".a") and versions.exists():
            made.update(line.split() for line in versions.read_text().splitlines())
    return made


def system():
    fields = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', pathlib.Path("/etc/os-release").read_text(), re.M))
    return fields["ID"], f"{fields['ID']}-{fields.get('VERSION_ID', 'unstable')}"


def components(build, program):
    files = headers_archives_and_data(build) | loaded_libraries(program)
    distribution, release = system()
    found = {}
    owners = package_of([name for name in files if name.startswith(("/usr/", "/lib"))])
    for file, package in owners.items():
        source, version, architecture, homepage = described(package)
        entry = found.setdefault((source, version), {"uses": set(), "packages": set(), "homepage": homepage})
        entry["uses"].add(files[file])
        entry["packages"].add(package.split(":")[0])
    for source, version in private_libraries(files).items():
        entry = found.setdefault((source, version), {"uses": set(), "packages": set(), "homepage": ""})
        entry["uses"].add("linked in")
    return found, distribution, release


def main():
    build, version = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    program = build / PROGRAM
    licences = json.loads((HERE / "licences.json").read_text())
    shipped_copyright = (HERE / "copyright").read_text()
    found, distribution, release = components(build, program)

    unknown, listed = [], []
    for (source, source_version), entry in sorted(found.items()):
        licence = licences.get(source)
        # What is loaded comes with its own package, licence included; its headers are an interface.
        inside = any(use in INSIDE for use in entry["uses"]) and "loaded" not in entry["uses"]
        if licence is None and inside:
            unknown.append(f"licences.json does not say which licence {source} has")
        elif inside and licence and licence.get("notice", True) and f"Files: linked-in/{source}\n" not in shipped_copyright:
            unknown.append(f"{source} is inside the program, and the file copyright has no paragraph linked-in/{source}")
        purl = f"pkg:deb/{distribution}/{source}@{source_version}?arch=source&distro={release}"
        component = {
            "type": "library",
            "bom-ref": purl,
            "name": source,
            "version": source_version,
            "purl": purl,
            "licenses": [{"expression": (licence or {}).get("spdx", "NOASSERTION")}],
            "properties": [
                {"name": "workestra:use", "value": ", ".join(sorted(entry["uses"]))},
                {"name": "workestra:binary-packages", "value": ", ".join(sorted(entry["packages"]))},
            ],
        }
        if entry["homepage"]:
            component["externalReferences"] = [{"type": "website", "url": entry["homepage"]}]
        listed.append(component)
    if unknown:
        sys.exit("inventory: " + "\n           ".join(unknown))

    when = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    itself = f"pkg:generic/workestra-relay@{version}"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": itself, "name": "workestra-relay", "version": version, "purl": itself},
        },
        "components": listed,
        "dependencies": [{"ref": itself, "dependsOn": [component["bom-ref"] for component in listed]}],
    }
    content = json.dumps(document, sort_keys=True).encode()
    document["serialNumber"] = f"urn:uuid:{uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=5)}"
    print(json.dumps(document, indent=2))


main()
