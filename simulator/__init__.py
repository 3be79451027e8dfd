"""Plan and durations to traces, forecasts and reports; `simulator.run.forecast` is the way in."""
