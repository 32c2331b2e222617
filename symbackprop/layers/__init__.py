"""Layers and losses: plain functions that return equations or expressions; the engine knows none of them."""
