"""Equations over an index with a symbolic range (layer l of L, time t of T), and what backpropagation makes of them."""
