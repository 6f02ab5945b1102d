"""Tests of the sources and their toolkit."""
