"""What scripts/mutate breaks: each mutation is one promise of the code, broken, and the tests that ought to see it."""

from __future__ import annotations

from scripts.tools.mutations import forecasting, ingestion, registry
from scripts.tools.mutations.mutation import Mutation

__all__ = ["MUTATIONS", "Mutation"]

MUTATIONS: tuple[Mutation, ...] = (*ingestion.MUTATIONS, *forecasting.MUTATIONS, *registry.MUTATIONS)
