"""Findings in, messages out: pure."""
