"""What the double's nodes compute: LoadImage, RMBG, BiRefNetRMBG, MaskToImage, PreviewImage and SaveImage.

The mask is real, small and deterministic: the softened distance of each pixel from the colour of the picture's border.
"""

import binascii
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
"""(H, W, 3) or (H, W, 4), 0..1, RGB(A): ComfyUI's IMAGE. (H, W): its MASK."""

PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
NEEDED = ("sensitivity", "process_res", "mask_blur", "mask_offset", "invert_output", "background")


class NodeFailure(Exception):
    """The error that a node raised."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def load_image(content: bytes, name: str) -> Image:
    """Decode an upload. Applies EXIF orientation and drops alpha. Raises NodeFailure if it is no picture."""
    if content.startswith(JPEG_START) and JPEG_END not in content:
        content += JPEG_END  # LoadImage loads half a JPEG as far as it goes
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if pixels is None:
        if content.startswith(PNG_START):
            raise NodeFailure("OSError", "Truncated File Read\n")
        raise NodeFailure("PIL.UnidentifiedImageError", f"cannot identify image file '<comfy>/input/{name}'\n")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.float32) / np.float32(255)


def load_by_pyav(content: bytes, name: str) -> Image:
    """As `load_image`, for versions that decode with PyAV. Half a PNG is grey below. A spoilt one fails."""
    if content.startswith(PNG_START):
        try:
            zlib.decompressobj().decompress(_pixel_data(content))
        except zlib.error as error:
            message = "[Errno 542398533] Generic error in an external library: 'avcodec_send_packet()'\n"
            raise NodeFailure("av.error.ExternalError", message) from error
    try:
        return load_image(content, name)
    except NodeFailure as error:
        if _pixel_data(content):
            width, height = struct.unpack_from(">II", content, 16)
            return np.full((height, width, 3), 0.5, np.float32)
        message = f"[Errno 1094995529] Invalid data found when processing input: '<comfy>/input/{name}'\n"
        raise NodeFailure("av.error.InvalidDataError", message) from error


def _pixel_data(png: bytes) -> bytes:
    """The content of a PNG's IDAT chunks, as far as it goes."""
    found, at = b"", len(PNG_START)
    while png.startswith(PNG_START) and at + 8 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        if png[at + 4 : at + 8] == b"IDAT":
            found += png[at + 8 : at + 8 + length]
        at += length + 12
    return found


def cut_out(node_class: str, image: Image, inputs: Mapping[str, Any]) -> tuple[Image, Image, Image]:
    """The outputs of RMBG and BiRefNetRMBG: IMAGE (RGBA), MASK, MASK_IMAGE."""
    if node_class == "RemoveBackground":
        inputs = {"model": "", **dict.fromkeys(NEEDED, 0), "sensitivity": 1.0, "process_res": 1024, **inputs}
    for name in NEEDED:
        if name not in inputs and not (name == "process_res" and node_class == "BiRefNetRMBG"):
            raise NodeFailure("RuntimeError", f"Error in image processing: '{name}'\n")
    model, height, width = inputs["model"], image.shape[0], image.shape[1]
    if min(height, width) < 2:
        raise NodeFailure(
            "RuntimeError",
            "Error in image processing: Error in batch processing: output with shape [1, 1024, 1024] "
            "doesn't match the broadcast shape [3, 1024, 1024]\n",
        )
    seen_width, seen_height = seen_size(model, inputs.get("process_res", 2048), height, width)
    seen = _resized(image, (max(1, seen_width // 4), max(1, seen_height // 4)))  # a quarter is quicker and good enough
    mask = _resized(border_distance(seen), (width, height))
    gain = (2.0 - inputs["sensitivity"]) ** (2 if model == "RMBG-2.0" else 1)
    mask = np.clip(mask * np.float32(gain), 0, 1)
    if inputs["mask_blur"]:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), float(inputs["mask_blur"])), np.float32)
    if inputs["mask_offset"]:
        change = cv2.dilate if inputs["mask_offset"] > 0 else cv2.erode
        mask = np.asarray(change(mask, np.ones((3, 3), np.uint8), iterations=abs(inputs["mask_offset"])), np.float32)
    if inputs["invert_output"]:
        mask = np.float32(1) - mask
    return np.dstack([image, mask]), mask, np.dstack([mask, mask, mask])


def seen_size(model: str, process_res: int, height: int, width: int) -> tuple[int, int]:
    """Width and height, in pixels, of the picture that the node gives to its model."""
    if model == "RMBG-2.0":
        square = process_res // 128 * 128
        return square, square
    if model in ("INSPYRENET", "BEN", "BEN2"):
        return process_res, max(1, round(process_res * height / width))
    return process_res, process_res


def _resized(image: Image, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.float32)


def border_distance(image: Image) -> Image:
    """(H, W, 3) -> (H, W): 0 at the border's median colour, 1 from 48 grey levels distance on."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    distance = np.abs(image - np.median(border, axis=0).astype(np.float32)).max(axis=2)
    sharp = np.clip((distance * 255 - 8) / 40, 0, 1).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.0), np.float32)


def encode_png(image: Image, prompt: Mapping[str, Any]) -> bytes:
    """A PNG of 8 bit, truncated as ComfyUI does, with the prompt as a text chunk before the pixels."""
    pixels = (np.clip(image, 0, 1) * np.float32(255)).astype(np.uint8)
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, order), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    png = encoded.tobytes()
    text = b"tEXtprompt\0" + json.dumps(prompt).encode("latin-1", "backslashreplace")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", binascii.crc32(text))
    header_end = 8 + 25  # signature, IHDR
    return png[:header_end] + chunk + png[header_end:]
