"""Tests of exported JAX and PyTorch code; they run where these are installed (`make test-frameworks`)."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"
os.environ["JAX_ENABLE_X64"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))  # the oracle of random programs
NEEDS = {"test_jax.py": ("jax",), "test_torch.py": ("torch",), "test_jax_loops.py": ("jax",), "test_jax_nested.py": ("jax", "autograd"), "test_torch_nested.py": ("torch", "autograd"), "test_torch_loops.py": ("torch",), "test_row_places.py": ("jax", "torch", "autograd"), "test_targets_agree.py": ("jax", "torch", "autograd"), "test_windows.py": ("jax", "torch", "autograd"),
         "test_second_order.py": ("jax", "autograd"), "test_format.py": ("ruff",)}
collect_ignore = [file for file, modules in NEEDS.items() if any(find_spec(m) is None for m in modules)]
