"""How a forecast is shown: each module takes a `Forecast` and gives text."""
