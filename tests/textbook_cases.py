"""The table of published derivations: networks, models and matrix identities in one tuple."""

from __future__ import annotations

from textbook_matrices import MATRICES
from textbook_models import MODELS
from textbook_networks import NETWORKS

CASES = NETWORKS + MODELS + MATRICES
