"""Plan and durations to traces, forecasts and reports; `simulator.forecasting.run.forecast` is the way in."""
