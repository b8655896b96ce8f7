"""The state of a random stream as a tensor, for `state_dict()`: of one size and dtype, whichever device it belongs to.

Layout, uint8 of shape (5072,): the device type (8 bytes of ASCII), CRC-32 and length of the state (4 bytes each, little
endian), the state itself, zeros. An average over states, or a cast one, is no state, and is known by the checksum.
"""

import struct
import warnings
import zlib

import torch
from torch import Tensor

_HEADER = struct.Struct("<8sII")
_STATE_BYTES = 5056  # of a CPU's generator, the largest


def packed(generator: torch.Generator) -> Tensor:
    """The generator's device type and state."""
    state = bytes(generator.get_state().tolist())
    header = _HEADER.pack(generator.device.type.encode(), zlib.crc32(state), len(state))
    return torch.tensor(list(header + state.ljust(_STATE_BYTES, b"\0")), dtype=torch.uint8, device="cpu")


def unpacked(tensor: Tensor, name: str) -> torch.Generator | None:
    """A generator with the state, on the current device of its type; None where that type is missing here.

    None, with a warning that calls it `name`, for what `packed` did not write.
    """
    content = bytes(tensor.cpu().flatten().tolist()) if tensor.dtype == torch.uint8 and not tensor.is_meta else b""
    if len(content) >= _HEADER.size:
        device, checksum, length = _HEADER.unpack_from(content)
        state = content[_HEADER.size :][:length]
        if zlib.crc32(state) == checksum and len(state) == length > 0:
            return _generator(device.rstrip(b"\0").decode(), state)
    warnings.warn(f"{name} is no state of a random stream (averaged, or cast?): it starts from the seed", stacklevel=2)
    return None


def _generator(device: str, state: bytes) -> torch.Generator | None:
    if device != "cpu" and not torch.get_device_module(device).is_available():
        return None
    generator = torch.Generator(device)
    generator.set_state(torch.tensor(list(state), dtype=torch.uint8, device="cpu"))
    return generator
