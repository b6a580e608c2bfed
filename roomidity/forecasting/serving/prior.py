"""The model shipped with the package: what other houses taught, for houses that have taught nothing yet."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np

from roomidity.errors import ModelRefusedError
from roomidity.forecasting.artifacts import Field, pack, unpack
from roomidity.forecasting.model import Model, State

__all__ = ["PRIOR_SCHEMA", "load_prior", "pack_prior", "unpack_prior"]

PRIOR_SCHEMA: Final = "roomidity-prior-1"

_FIELDS: Final[dict[str, Field]] = {"manifest": ("U", (1,)), "model": ("u1", ("M",)), "state": ("u1", ("S",))}


def pack_prior(model: Model, state: State, manifest: dict[str, Any]) -> bytes:
    """Returns a prior as one file: the model, the state that a new house starts from, and where they come from."""
    return pack(
        {
            "manifest": np.array([json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)]),
            "model": np.frombuffer(model.to_bytes(), dtype=np.uint8),
            "state": np.frombuffer(state.to_bytes(), dtype=np.uint8),
        },
        PRIOR_SCHEMA,
        _FIELDS,
    )


def unpack_prior(content: bytes, version: str) -> tuple[Model, State, dict[str, Any]]:
    """Returns model, state and manifest of the prior that :func:`pack_prior` wrote.

    Raises
    ------
    ModelRefusedError
        If ``content`` is anything else; ``version`` names it in the message.
    """
    arrays = unpack(content, version, PRIOR_SCHEMA, _FIELDS)
    model = Model.from_bytes(arrays["model"].tobytes(), version)
    state = State.from_bytes(arrays["state"].tobytes(), version)
    try:
        manifest: dict[str, Any] = json.loads(str(arrays["manifest"][0]))
    except ValueError as error:
        raise ModelRefusedError(version, found=f"a manifest that is not JSON: {error}", expected="JSON") from error
    if not model.is_prior:
        raise ModelRefusedError(version, found=f"a model of rooms {model.rooms}", expected="a prior, of no room")
    return model, state, manifest


@cache
def load_prior() -> tuple[Model, State, dict[str, Any]]:
    """Returns the shipped prior: model, the state that a new house starts from, and the manifest; read once."""
    content = resources.files("roomidity").joinpath("data", "prior.npz").read_bytes()
    return unpack_prior(content, "shipped prior")
