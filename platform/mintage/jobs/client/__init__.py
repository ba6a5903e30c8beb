"""Handing jobs to wherever they run, and hearing of them: in this process, on Ray, on Kubernetes.

A back end knows how to start, find and stop a job, and how to read what it writes; everything else
is the same for all. Whether a job is done is said by the store, not by any of them.
"""
