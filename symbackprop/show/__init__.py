"""Programs as people read them: index patterns as matrices, in text, by entries, as pages; LaTeX is written in `tex`."""
