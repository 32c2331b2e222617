"""Claims judged: what a quantity truly is, exact and precise points, proofs, and the smallest repair of the user's formula."""
