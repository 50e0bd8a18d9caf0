"""The agreement: what two processes, or today and tomorrow, must agree on.

Imports nobody of ours, opens nothing, reads no environment.
"""
