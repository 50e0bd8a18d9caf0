"""Experiments: who is told what in which words, so that it can be counted which words serve better."""
