"""Gather from FreeRADIUS' own dictionary what an ISP may answer a router: python scripts/radius_dictionary.py

Writes fiberledger/routers/attributes.txt: vendor, its number, attribute, its number, type, tag or empty, names of values.
The oldest FreeRADIUS we run (3.2.1) is the one to gather from: what it does not know it answers with silence.
"""

import sys
from pathlib import Path

FROM = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/freeradius")
TO = Path(__file__).resolve().parent.parent / "fiberledger" / "routers" / "attributes.txt"
FILES = (
    "rfc2865 rfc2866 rfc2868 rfc2869 rfc3162 rfc3580 rfc4372 rfc4675 rfc4679 rfc4818 rfc4849 rfc6911 mikrotik cisco huawei erx "
    "juniper wispr chillispot zte alcatel.sr ericsson.ab microsoft h3c"
).split()
TYPES = {"string", "integer", "ipaddr", "ipv6addr", "ipv6prefix", "byte", "short", "signed", "integer64", "octets"}


def gather():
    rows, values = {}, {}
    for name in FILES:
        vendor, number, inside = "", 0, False
        for line in (FROM / f"dictionary.{name}").read_text(errors="replace").splitlines():
            words = line.partition("#")[0].split()
            if not words:
                continue
            if words[0] == "VENDOR" and "format" not in line:
                vendor, number = words[1], int(words[2])
            elif words[0] in ("BEGIN-VENDOR", "END-VENDOR"):
                inside = words[0] == "BEGIN-VENDOR"
            elif words[0] == "ATTRIBUTE" and words[2].isdecimal() and words[3] in TYPES:
                flags = " ".join(words[4:])
                if "encrypt" not in flags and "concat" not in flags and int(words[2]) < 256:
                    of = (vendor, number) if inside else ("", 0)
                    rows[words[1]] = (*of, words[1], int(words[2]), words[3], "tag" if "has_tag" in flags else "")
            elif words[0] == "VALUE":
                values.setdefault(words[1], []).append(f"{words[2]}={int(words[3], 0)}")
    return rows, values


def main():
    rows, values = gather()
    with TO.open("w") as file:
        for row in sorted(rows.values(), key=lambda row: (row[1], row[3], row[2])):
            names = values.get(row[2], ())
            file.write("\t".join(map(str, (*row, " ".join(names) if len(names) <= 40 else ""))).rstrip("\t") + "\n")
    print(f"{len(rows)} attributes in {TO.name}")


if __name__ == "__main__":
    main()
