"""Reads every element and all pixels of the files in the arguments. The pixels of the largest file are only counted.

Prints a line for each invalid file.
"""

import os
import sys

import pydicom

largest = max(sys.argv[1:], key=os.path.getsize)
for path in sys.argv[1:]:
    dataset = pydicom.dcmread(path)
    elements = sum(1 for element in dataset.iterall() if element.value is not NotImplemented)
    frames = int(dataset.get("NumberOfFrames", 1))
    shape = (frames,) * (frames > 1) + (dataset.Rows, dataset.Columns)
    expected = frames * dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    if elements < 40 or len(dataset.PixelData) != expected:
        print(f"{path}: {elements} elements, {len(dataset.PixelData)} of {expected} bytes of pixels")
    if path != largest:
        pixels = dataset.pixel_array
        if pixels.shape != shape or pixels.max() >= 1 << dataset.BitsStored or pixels.min() == pixels.max():
            print(f"{path}: {pixels.shape} for {shape}, from {pixels.min()} to {pixels.max()}")
