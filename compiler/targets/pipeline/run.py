"""Starts the scripts beside this file: `python3 .stagecast/run.py check|build|deploy`."""

import runpy

if __name__ == "__main__":
    runpy.run_module("pipeline", run_name="__main__", alter_sys=True)
