"""Compares files with their changed copies, element by element, and reads every file with pydicom.

The first argument is a JSON file: {"pairs": [[ORIGINAL, CHANGED]], "own": [UID], "patients": [PATIENT ID]}. In a changed
copy each UID of "own" is replaced, the same one by the same one, and Patient ID is one of "patients". Nothing else differs.
With "table", a file of tags and action codes, no attribute of the table has the value of the original instead.

Prints a line for each difference.
"""

import json
import sys

import pydicom

task = json.load(open(sys.argv[1]))
own, replaced = set(task["own"]), {}


def say(path, tag, words):
    print(f"{path}: {tag}: {words}")


def values(element):
    value = element.value
    return list(value) if isinstance(value, pydicom.multival.MultiValue) else [value]


def compare_uids(path, old, new):
    if len(values(old)) != len(values(new)):
        say(path, old.tag, "another number of UIDs")
    for before, after in zip(values(old), values(new)):
        if before not in own:
            if before != after:
                say(path, old.tag, f"{before} became {after}")
        elif replaced.setdefault(before, after) != after or after in own or len(after) != 44:
            say(path, old.tag, f"{before} became {after}, and elsewhere {replaced[before]}")


def compare(path, old, new, depth=0):
    tags = lambda dataset: [tag for tag in dataset.keys() if tag.element != 0]
    missing = [tag for tag in tags(old) if tag not in new]
    added = [tag for tag in tags(new) if tag not in old and tag != 0x00100020]
    for tag in missing + added:
        say(path, tag, "is in one of the files only")
    for tag in tags(old):
        if tag in missing:
            continue
        before, after = old[tag], new[tag]
        if before.VR == "SQ":
            if len(before.value) != len(after.value):
                say(path, tag, "another number of items")
            for inner, other in zip(before.value, after.value):
                compare(path, inner, other, depth + 1)
        elif depth == 0 and tag == 0x00100020:
            if after.value not in task["patients"]:
                say(path, tag, f"is {after.value}")
        elif before.VR == "UI":
            compare_uids(path, before, after)
        # An odd value is padded.
        elif before.value != after.value and bytes(before.value)[:] != bytes(after.value)[:len(before.value)]:
            say(path, tag, f"{before.value} became {after.value}")


def old_values(dataset, table, found):
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                old_values(item, table, found)
        elif element.tag in table and element.value not in (None, "", [], b""):
            found.setdefault(element.tag, set()).add(str(element.value))
    return found


def check_identity(path, old, new, table):
    found = old_values(old, table, {})
    for tag, left in old_values(new, table, {}).items():
        # Some vendors write what stands for any value already.
        for value in (found.get(tag, set()) & left) - {"1", "000000", "19000101"}:
            say(path, tag, f"still has {value}")
    for element in new.iterall():
        if element.tag.group % 2 or 0x5000 <= element.tag.group < 0x5100 or 0x6000 <= element.tag.group < 0x6100:
            say(path, element.tag, "is left")
    marks = (new.get("PatientIdentityRemoved"), new.get("LongitudinalTemporalInformationModified"))
    if marks != ("YES", "REMOVED") or new.DeidentificationMethodCodeSequence[0].CodeValue != "113100":
        say(path, "marks", marks)
    if new.PatientID not in task["patients"] or str(new.PatientName) not in task["patients"]:
        say(path, "patient", new.PatientID)


def table():
    rows = [line.split("\t") for line in open(task["table"])]
    return {int(tag, 16): action for tag, action, _ in rows if action != "X/Z/U*"}


rows = table() if "table" in task else None
for original, changed in task["pairs"]:
    old, new = pydicom.dcmread(original), pydicom.dcmread(changed)
    if rows:
        check_identity(changed, old, new, rows)
        continue
    compare(changed, old, new)
    before, after = old.file_meta.MediaStorageSOPInstanceUID, new.file_meta.MediaStorageSOPInstanceUID
    if before == old.SOPInstanceUID and after != new.SOPInstanceUID:
        say(changed, "file meta", after)
print(f"{len(task['pairs'])} files")
