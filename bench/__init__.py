"""Measure what Figurewatch costs, against floors and peers in the same run: `python -m bench`."""
